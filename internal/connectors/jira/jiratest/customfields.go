package jiratest

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"usher/internal/connectors/desktest"
)

func setCustom(i *issue, v setting) string {
	if v.isNull() {
		i.SetField(v.field.ID, nil)
		return ""
	}
	stored, problem := v.custom()
	if problem == "" {
		i.SetField(v.field.ID, stored)
	}
	return problem
}

// custom checks a custom field's value and gives it as it is stored.
func (v setting) custom() (json.RawMessage, string) {
	var text string
	isText := json.Unmarshal(v.value, &text) == nil
	switch v.field.Type {
	case desktest.TextAreaField:
		r, problem := v.rich()
		return json.RawMessage(r), problem
	case desktest.NumberField:
		var number float64
		if json.Unmarshal(v.value, &number) != nil {
			return nil, "Operation value must be a number"
		}
	case desktest.SelectField:
		return v.option()
	default:
		if !isText {
			return nil, wantString
		}
		if problem := checkText(v.field, text); problem != "" {
			return nil, problem
		}
	}
	return slices.Clone(v.value), ""
}

func checkText(f desktest.Field, text string) string {
	switch f.Type {
	case desktest.URLField:
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return "Not a valid URL"
		}
	case desktest.TextField:
		if length(text) > lineLimit {
			return lineTooLong
		}
		if strings.ContainsAny(text, "\r\n") {
			return "Single line fields cannot contain line breaks."
		}
	default:
	}
	return ""
}

// option finds a select field's option by value or id; it is stored with both.
func (v setting) option() (json.RawMessage, string) {
	var picked struct{ ID, Value string }
	if json.Unmarshal(v.value, &picked) != nil {
		return nil, "Specify a valid 'id' or 'name' for " + v.field.Name
	}
	for n, option := range v.field.Options {
		if picked.ID == optionID(n) || (picked.ID == "" && strings.EqualFold(picked.Value, option)) {
			raw, err := json.Marshal(map[string]string{"id": optionID(n), "value": option})
			if err != nil {
				return nil, err.Error()
			}
			return raw, ""
		}
	}
	return nil, fmt.Sprintf("Option value '%s' is not valid", picked.Value)
}

func optionID(n int) string { return strconv.Itoa(10200 + n) }
