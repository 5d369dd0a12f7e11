// SPDX-License-Identifier: GPL-2.0-or-later

// Asks bailiffd by the varlink package of Go, so that our protocol is not only what our own client takes for it. Every
// answer is held against the types of the interface description, as that package's parser reads it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/varlink/go/varlink"
	"github.com/varlink/go/varlink/idl"
)

const manager = "io.bailiff.Manager"

func fail(format string, arguments ...interface{}) {
	fmt.Printf("FAIL: "+format+"\n", arguments...)
	os.Exit(1)
}

// What is wrong with a value of a type, or "".
func mismatch(description *idl.IDL, wanted *idl.Type, value interface{}, where string) string {
	switch wanted.Kind {
	case idl.TypeMaybe:
		if value == nil {
			return ""
		}
		return mismatch(description, wanted.ElementType, value, where)
	case idl.TypeAlias:
		for _, alias := range description.Aliases {
			if alias.Name == wanted.Alias {
				return mismatch(description, alias.Type, value, where)
			}
		}
		return where + ": no type " + wanted.Alias
	case idl.TypeArray:
		list, ok := value.([]interface{})
		for i := range list {
			if text := mismatch(description, wanted.ElementType, list[i], fmt.Sprintf("%s[%d]", where, i)); text != "" {
				return text
			}
		}
		if ok {
			return ""
		}
	case idl.TypeStruct:
		members, ok := value.(map[string]interface{})
		known := map[string]bool{}
		for _, field := range wanted.Fields {
			known[field.Name] = true
			if text := mismatch(description, field.Type, members[field.Name], where+"."+field.Name); text != "" {
				return text
			}
		}
		for name := range members {
			if !known[name] {
				return where + "." + name + " is not described"
			}
		}
		if ok {
			return ""
		}
	case idl.TypeEnum:
		text, _ := value.(string)
		for _, field := range wanted.Fields {
			if field.Name == text {
				return ""
			}
		}
	case idl.TypeBool:
		if _, ok := value.(bool); ok {
			return ""
		}
	case idl.TypeInt:
		if number, ok := value.(float64); ok && number == float64(int64(number)) {
			return ""
		}
	case idl.TypeFloat:
		if _, ok := value.(float64); ok {
			return ""
		}
	case idl.TypeString:
		if _, ok := value.(string); ok {
			return ""
		}
	case idl.TypeObject:
		if _, ok := value.(map[string]interface{}); ok {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v", where, value)
}

type client struct {
	context     context.Context
	connection  *varlink.Connection
	description *idl.IDL
}

func (c *client) method(name string) *idl.Method {
	for _, method := range c.description.Methods {
		if method.Name == name {
			return method
		}
	}
	fail("%s is not described", name)
	return nil
}

func (c *client) check(name string, answer map[string]interface{}) {
	if text := mismatch(c.description, c.method(name).Out, interface{}(answer), name); text != "" {
		fail("the answer is not as described: %s", text)
	}
}

func (c *client) call(name string, parameters map[string]interface{}) map[string]interface{} {
	var answer map[string]interface{}

	if parameters == nil {
		parameters = map[string]interface{}{}
	}
	if text := mismatch(c.description, c.method(name).In, interface{}(parameters), name); text != "" {
		fail("the test asks for what is not described: %s", text)
	}
	if err := c.connection.Call(c.context, manager+"."+name, parameters, &answer); err != nil {
		fail("%s: %v", name, err)
	}
	c.check(name, answer)
	return answer
}

// Calls what has to fail, and compares the error and its parameters with the description.
func (c *client) refused(name string, parameters interface{}, wanted string) {
	var answer, given map[string]interface{}

	err := c.connection.Call(c.context, manager+"."+name, parameters, &answer)
	failure, ok := err.(*varlink.Error)
	if !ok || failure.Name != manager+"."+wanted {
		fail("%s: %v instead of %s", name, err, wanted)
	}
	raw, _ := failure.Parameters.(*json.RawMessage)
	if raw == nil || json.Unmarshal(*raw, &given) != nil {
		fail("%s: %s without parameters", name, wanted)
	}
	for _, described := range c.description.Errors {
		if described.Name == wanted {
			if text := mismatch(c.description, described.Type, interface{}(given), wanted); text != "" {
				fail("the error is not as described: %s", text)
			}
			return
		}
	}
	fail("%s is not described", wanted)
}

// Reads the log from its beginning, then one event that comes while it waits.
func (c *client) monitor(address string, provoke func()) {
	receive, err := c.connection.Send(c.context, manager+".Monitor", map[string]interface{}{"since": 0}, varlink.More)
	if err != nil {
		fail("Monitor: %v", err)
	}
	last, current := 0.0, false
	for {
		var answer map[string]interface{}
		flags, err := receive(c.context, &answer)
		if err != nil || flags&varlink.Continues == 0 {
			fail("Monitor ended: %v", err)
		}
		c.check("Monitor", answer)
		if answer["current"] == true {
			if current || last == 0 {
				fail("Monitor: current after event %v", last)
			}
			current = true
			provoke()
			continue
		}
		event, _ := answer["event"].(map[string]interface{})
		id, _ := event["id"].(float64)
		if last > 0 && id != last+1 {
			fail("Monitor: event %v after %v", id, last)
		}
		last = id
		if current && event["event"] == "ban" && event["ip"] == address {
			return
		}
	}
}

func connect(ctx context.Context, address string) *client {
	connection, err := varlink.NewConnection(ctx, address)
	if err != nil {
		fail("%v", err)
	}
	return &client{context: ctx, connection: connection}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var vendor, product, version, url string
	var interfaces []string

	c := connect(ctx, "unix:"+os.Args[1])
	if err := c.connection.GetInfo(ctx, &vendor, &product, &version, &url, &interfaces); err != nil {
		fail("GetInfo: %v", err)
	}
	if vendor != "bailiff" || product != "bailiffd" || version == "" || len(interfaces) != 2 {
		fail("GetInfo: %s %s %s %v", vendor, product, version, interfaces)
	}
	for _, name := range interfaces {
		text, err := c.connection.GetInterfaceDescription(ctx, name)
		if err != nil {
			fail("GetInterfaceDescription: %v", err)
		}
		// Capitals in an interface's name are right by the specification, and every service of systemd has them; this
		// parser knows small letters only. The rest it has to read as it stands.
		small := strings.ToLower(name)
		description, err := idl.New(strings.Replace(text, "\ninterface "+name+"\n", "\ninterface "+small+"\n", 1))
		if err != nil || description.Name != small {
			fail("the description of %s cannot be parsed: %v", name, err)
		}
		fmt.Printf("%s: %d methods, %d types, %d errors\n", name, len(description.Methods), len(description.Aliases), len(description.Errors))
		if name == manager {
			c.description = description
		}
	}
	if _, err := c.connection.GetInterfaceDescription(ctx, "org.example"); fmt.Sprint(err) != "org.varlink.service.InterfaceNotFound" {
		fail("org.example: %v", err)
	}
	if err := c.connection.Call(ctx, manager+".Nothing", nil, nil); fmt.Sprint(err) != "org.varlink.service.MethodNotFound" {
		fail("Nothing: %v", err)
	}
	if err := c.connection.Call(ctx, manager+".Banned", nil, nil); fmt.Sprint(err) != "org.varlink.service.InvalidParameter" {
		fail("Banned without address: %v", err)
	}

	c.call("Status", nil)
	c.call("Status", map[string]interface{}{"jail": "sshd"})
	ban := c.call("Ban", map[string]interface{}{"jail": "sshd", "address": "203.0.113.77", "duration": 600.0, "reason": "by Go"})
	if ban["remembered"] != true {
		fail("Ban: %v", ban)
	}
	c.refused("Ban", map[string]interface{}{"jail": "sshd", "address": "224.0.0.1"}, "NotBannable")
	c.refused("Ban", map[string]interface{}{"jail": "sshd", "address": "192.0.2.1"}, "AddressAllowed")
	c.refused("Ban", map[string]interface{}{"jail": "sshd", "address": "128.0.0.0/1"}, "TooWide")
	c.refused("Ban", map[string]interface{}{"jail": "nosuch", "address": "203.0.113.77"}, "NoSuchJail")
	list := c.call("BanList", map[string]interface{}{"jail": "sshd", "addresses": []interface{}{"203.0.113.78", "192.0.2.1", "x", "3fff::/32"}})
	if list["banned"] != 2.0 {
		fail("BanList: %v", list)
	}
	c.call("Why", map[string]interface{}{"address": "203.0.113.77"})
	bans := c.call("ListBans", nil)
	if len(bans["bans"].([]interface{})) != 3 {
		fail("ListBans: %v", bans)
	}

	other := connect(ctx, "unix:"+os.Args[1])
	other.description = c.description
	c.monitor("203.0.113.79", func() {
		other.call("Ban", map[string]interface{}{"jail": "sshd", "address": "203.0.113.79"})
	})
	lifted := other.call("Unban", map[string]interface{}{"all": true})
	if lifted["lifted"] != 4.0 {
		fail("Unban: %v", lifted)
	}
	fmt.Println("ok")
}
