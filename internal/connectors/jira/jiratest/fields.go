package jiratest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf16"

	"usher/internal/connectors/desktest"
)

// The vendor's limits, in UTF-16 units.
const (
	lineLimit = 255
	textLimit = 32767
)

const (
	wantDocument = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
	wantString   = "Operation value must be a string"
	tooLong      = "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
	lineTooLong  = "The entered text is too long. It exceeds the allowed limit of 255 characters."
)

func notOnScreen(id string) string {
	return fmt.Sprintf("Field '%s' cannot be set. It is not on the appropriate screen, or unknown.", id)
}

func length(text string) int { return len(utf16.Encode([]rune(text))) }

// setting is one value that is to be put into one field of an issue.
type setting struct {
	field   desktest.Field
	version int
	value   json.RawMessage
}

func (v setting) isNull() bool { return len(v.value) == 0 || string(v.value) == "null" }

// set puts the value into the issue, or says in Jira's words what is wrong with it. The caller holds the lock.
func (s *Server) set(i *issue, v setting) string {
	switch v.field.ID {
	case "summary":
		return setSummary(i, v)
	case "description":
		text, problem := v.rich()
		i.Description = json.RawMessage(text)
		return problem
	case "labels":
		return setLabels(i, v)
	case "reporter":
		if s.faults.ReporterRefused {
			return notOnScreen("reporter")
		}
		a := s.pickedAccount(v)
		if a == nil {
			return "The reporter specified is not a user."
		}
		if !s.faults.IgnoreOwnerWrites {
			i.Reporter = a.ID
		}
		return ""
	case "assignee":
		return s.setAssignee(i, v)
	}
	return setCustom(i, v)
}

func setSummary(i *issue, v setting) string {
	var text string
	if !v.isNull() && json.Unmarshal(v.value, &text) != nil {
		return wantString
	}
	switch text = strings.TrimSpace(text); {
	case text == "":
		return "You must specify a summary of the issue."
	case strings.ContainsAny(text, "\r\n"):
		return "The summary is invalid because it contains newline characters."
	case length(text) > lineLimit:
		return "Summary must be less than 255 characters."
	}
	i.Summary = text
	return ""
}

// rich reads a text with markup: a string in version 2, a document in version 3.
func (v setting) rich() (rich, string) {
	if v.isNull() {
		return nil, ""
	}
	var text string
	isText := json.Unmarshal(v.value, &text) == nil
	switch {
	case v.version == 2 && !isText:
		return nil, wantString
	case v.version == 3 && !validDocument(v.value):
		return nil, wantDocument
	case length(rich(v.value).text()) > textLimit:
		return nil, tooLong
	case v.version == 2 && text == "":
		return nil, ""
	}
	return slices.Clone(rich(v.value)), ""
}

func setLabels(i *issue, v setting) string {
	labels := []string{}
	if !v.isNull() && json.Unmarshal(v.value, &labels) != nil {
		return "Operation value must be an array of strings"
	}
	i.Labels = nil
	for _, label := range labels {
		if problem := addLabel(i, label); problem != "" {
			return problem
		}
	}
	return ""
}

func addLabel(i *issue, label string) string {
	switch {
	case label == "":
		return "The label cannot be empty."
	case strings.ContainsAny(label, " \t\r\n"):
		return fmt.Sprintf("The label '%s' contains spaces which is invalid.", label)
	case length(label) > lineLimit:
		return fmt.Sprintf("The label '%s' exceeds the maximum length of 255 characters.", label)
	}
	if !slices.Contains(i.Labels, label) {
		i.Labels = append(i.Labels, label)
	}
	return ""
}

// pickedAccount is the account that a user field's value names, nil for none or an unknown one. Cloud takes account ids,
// Data Center names and keys.
func (s *Server) pickedAccount(v setting) *Account {
	var user struct {
		AccountID string `json:"accountId"`
		ID        string `json:"id"`
		Name      string `json:"name"`
		Key       string `json:"key"`
	}
	if v.isNull() || json.Unmarshal(v.value, &user) != nil {
		return nil
	}
	if s.cfg.Edition == Cloud {
		return s.store.AccountBy(desktest.ByID, cmp.Or(user.AccountID, user.ID))
	}
	if a := s.store.AccountBy(desktest.ByName, user.Name); a != nil {
		return a
	}
	return s.store.AccountBy(desktest.ByKey, user.Key)
}

func (s *Server) setAssignee(i *issue, v setting) string {
	if v.isNull() {
		i.Assignee = ""
		return ""
	}
	a := s.pickedAccount(v)
	if a == nil {
		return "Specify a valid value for assignee"
	}
	if !s.store.Assignable(a) {
		return fmt.Sprintf("User '%s' cannot be assigned issues.", a.DisplayName)
	}
	if !s.faults.IgnoreOwnerWrites {
		i.Assignee = a.ID
	}
	return ""
}

// input is the body of create, edit and transition.
type input struct {
	Fields     map[string]json.RawMessage              `json:"fields"`
	Update     map[string][]map[string]json.RawMessage `json:"update"`
	Properties []property                              `json:"properties"`
	Transition json.RawMessage                         `json:"transition"`
}

type property struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// apply puts the input's fields and label updates into the issue. allowed says which fields may be set.
func (s *Server) apply(i *issue, in input, version int, allowed func(string) (desktest.Field, bool)) map[string]string {
	problems := map[string]string{}
	for id, value := range in.Fields {
		f, on := allowed(id)
		if !on {
			problems[id] = notOnScreen(id)
			continue
		}
		if problem := s.set(i, setting{field: f, version: version, value: value}); problem != "" {
			problems[id] = problem
		}
	}
	for id, operations := range in.Update {
		if id == "comment" {
			continue
		}
		_, twice := in.Fields[id]
		_, on := allowed(id)
		switch {
		case twice:
			problems[id] = fmt.Sprintf("Field '%s' cannot appear in both 'fields' and 'update'", id)
		case !on:
			problems[id] = notOnScreen(id)
		default:
			if problem := s.update(i, id, operations); problem != "" {
				problems[id] = problem
			}
		}
	}
	return problems
}

// update runs the operations of "update" that the fake knows: add, remove and set of labels.
func (s *Server) update(i *issue, id string, operations []map[string]json.RawMessage) string {
	for _, o := range operations {
		for verb, value := range o {
			if verb == "set" || id != "labels" {
				return s.set(i, setting{field: desktest.Field{ID: id, Type: desktest.TextField}, version: 2, value: value})
			}
			var label string
			if json.Unmarshal(value, &label) != nil {
				return wantString
			}
			switch verb {
			case "add":
				if problem := addLabel(i, label); problem != "" {
					return problem
				}
			case "remove":
				i.Labels = slices.DeleteFunc(i.Labels, func(l string) bool { return l == label })
			default:
				return fmt.Sprintf("Field with id 'labels' and name 'Labels' does not support operation '%s' Supported operation(s) are: 'add,set,remove'", verb)
			}
		}
	}
	return ""
}

// setProperties stores entity properties; a value is any JSON of at most 32,768 bytes.
func setProperties(i *issue, properties []property) error {
	for _, p := range properties {
		switch {
		case p.Key == "" || len(p.Key) > lineLimit:
			return refuse(http.StatusBadRequest, "The property key must have 1 to 255 characters.")
		case len(p.Value) == 0 || len(p.Value) > 32768 || !json.Valid(p.Value):
			return refuse(http.StatusBadRequest, "The property value must be JSON of at most 32768 bytes.")
		}
		i.SetProperty(p.Key, p.Value)
	}
	return nil
}
