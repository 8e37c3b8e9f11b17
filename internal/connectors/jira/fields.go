package jira

import (
	"strconv"
	"strings"

	"usher/internal/access"
	"usher/internal/connectors/desk"
)

// field is what Jira says about a field on a screen.
type field struct {
	ID              string  `json:"fieldId"`
	Name            string  `json:"name"`
	Required        bool    `json:"required"`
	HasDefaultValue bool    `json:"hasDefaultValue"`
	Schema          schema  `json:"schema"`
	AllowedValues   []named `json:"allowedValues"`
}

type schema struct {
	Type   string `json:"type"`
	Items  string `json:"items"`
	System string `json:"system"`
	Custom string `json:"custom"`
}

type named struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

// label is how people and configuration name the field: `Cost centre (customfield_10049)`.
func (f field) label() string { return desk.Field{ID: f.ID, Name: f.Name}.Label() }

// takesText reports whether value has a form for this field's type.
func (f field) takesText() bool {
	switch f.Schema.Type {
	case "string", "option", "number":
		return true
	case "array":
		return f.Schema.Items == "string" || f.Schema.Items == "option"
	default:
		return false
	}
}

// value is a text in the form that the field takes. A number that is none is sent as it is, for
// Jira to refuse by name.
func (f field) value(api dialect, text string) any {
	s := f.Schema
	switch {
	case strings.HasSuffix(s.Custom, ":textarea"), s.System == "description", s.System == "environment":
		return api.text(text, "")
	case s.Type == "option":
		return map[string]string{"value": text}
	case s.Type == "array" && s.Items == "option":
		return []any{map[string]string{"value": text}}
	case s.Type == "array" && s.Items == "string":
		// Labels: no spaces within one.
		return []string{strings.Join(strings.Fields(text), "_")}
	case s.Type == "number":
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return number
		}
		return text
	case s.Type == "resolution", s.Type == "priority":
		return map[string]string{"name": text}
	case s.Type == "user":
		return api.person(access.AccountID(text))
	default:
		return fitted(desk.OneLine(text), "", summaryLimit)
	}
}
