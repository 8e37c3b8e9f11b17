package jiratest

import (
	"net/http"
	"strconv"
	"strings"
)

// classicLimit is how many issues a page of Data Center's search holds at most; administrators can change it.
const classicLimit = 1000

// classicInput is what Data Center's search takes, in a body that is closed or in the URL.
type classicInput struct {
	JQL           string   `json:"jql"`
	StartAt       int      `json:"startAt"`
	MaxResults    *int     `json:"maxResults"`
	ValidateQuery *bool    `json:"validateQuery"`
	Fields        []string `json:"fields"`
	Expand        []string `json:"expand"`
	// properties can be asked for in the URL only.
	properties []string
}

func (c *call) classicInput() (classicInput, error) {
	var in classicInput
	if c.r.Method == http.MethodPost {
		return in, c.decodeClosed(&in)
	}
	start, size, err := c.position(50)
	if err != nil {
		return in, err
	}
	in.JQL, in.StartAt, in.MaxResults = c.query("jql"), start, &size
	in.Fields, in.Expand, in.properties = c.queryList("fields"), c.queryList("expand"), c.queryList("properties")
	strict := true
	switch text := c.query("validateQuery"); text {
	case "", "strict", "true":
	case "warn", "none", "false":
		strict = false
	default:
		return in, refuse(http.StatusBadRequest, "The parameter validateQuery must be strict, warn or none, not "+strconv.Quote(text)+".")
	}
	in.ValidateQuery = &strict
	return in, nil
}

// classicSearch is Data Center's search: pages by position, with the whole number of hits. A value that does not exist
// fails the whole query unless it is not to be validated; then it matches nothing, and a warning tells so.
func (s *Server) classicSearch(c *call) (*answer, error) {
	in, err := c.classicInput()
	if err != nil {
		return nil, err
	}
	size := 50
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if in.StartAt < 0 || size < 0 {
		return nil, refuse(http.StatusBadRequest, "The parameters startAt and maxResults must not be negative.")
	}
	q, err := parseJQL(in.JQL)
	if err != nil {
		return nil, err
	}
	warnings := []string{}
	m := matcher{s: s, now: s.store.Now(), caller: c.account, lenient: in.ValidateQuery != nil && !*in.ValidateQuery, warnings: &warnings}
	found, err := s.lookUp(m, q, nil)
	if err != nil {
		return nil, err
	}
	size = s.cap(min(size, classicLimit))
	sel := selection{
		fields: fieldList(strings.Join(in.Fields, ","), "*navigable"), properties: in.properties,
		changelog: strings.Contains(","+strings.Join(in.Expand, ",")+",", ",changelog,"),
	}
	body := map[string]any{
		"expand": "schema,names", "startAt": in.StartAt, "maxResults": size, "total": len(found),
		"issues": s.renderAll(c, slice(found, in.StartAt, size), sel),
	}
	if len(warnings) > 0 {
		body["warningMessages"] = warnings
	}
	return ok(body)
}
