"""The parts of report-stub, in the order of reading: request, service, abuseipdb and virustotal (what they answer), faults."""
