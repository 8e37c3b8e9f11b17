package apispec

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// Patch mends a defect of the vendor's documents: without it they refuse what Jira really sends or takes, or allow what
// it never does. A defect that
// is not met here is not mended: that examples are strings and that operation ids repeat, for one, matters only to who
// serves the examples or calls Validate.
type Patch struct {
	// Name is what is mended.
	Name string
	// Edition and Files say where; Files are the documents' names.
	Edition Edition
	Files   []string
	// Reason is what the document has, and why that is wrong.
	Reason string
	// Tightens is true where the document allows what Jira never does, and false where it refuses what Jira does.
	Tightens bool

	apply func(*openapi3.T) error
}

// Patches are all patches, in the order in which they are applied. A test shows of each that it is needed.
func Patches() []Patch {
	return slices.Concat(cloudPatches(), dataCenterPatches(), serviceNowPatches())
}

func patchesFor(edition Edition, file string) []Patch {
	return slices.DeleteFunc(Patches(), func(p Patch) bool {
		return p.Edition != edition || !slices.Contains(p.Files, file)
	})
}

// noBodyAt204 takes the declared content from every answer of status 204.
func noBodyAt204(doc *openapi3.T) error {
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			if answer := operation.Responses.Status(http.StatusNoContent); answer != nil && answer.Value != nil {
				answer.Value.Content = nil
			}
		}
	}
	return nil
}

// typelessMayBeNull lets null through where no type is declared.
func typelessMayBeNull(doc *openapi3.T) error {
	eachSchema(doc, func(s *openapi3.Schema) {
		if s.Type == nil && len(s.AllOf)+len(s.OneOf)+len(s.AnyOf)+len(s.Enum) == 0 {
			s.Nullable = true
		}
	})
	return nil
}

// jiraTime is how Jira writes times: an offset without a colon ("2019-07-17T17:59:42.002-0700").
const jiraTime = `^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}[+-]\d{4}$`

// timesAsJiraWritesThem demands Jira's own form of times.
func timesAsJiraWritesThem(doc *openapi3.T) error {
	eachSchema(doc, func(s *openapi3.Schema) {
		if s.Format == "date-time" {
			s.Format, s.Pattern = "", jiraTime
		}
	})
	return nil
}

// mayBeNull lets properties of a named schema be null.
func mayBeNull(schema string, properties ...string) func(*openapi3.T) error {
	return func(doc *openapi3.T) error {
		for _, property := range properties {
			ref, err := propertyOf(doc, schema, property)
			if err != nil {
				return err
			}
			changed := *ref.Value
			changed.Nullable = true
			ref.Value = &changed
		}
		return nil
	}
}

// assigneeMayBeNull lets the body of PUT assignee unassign; the schema itself stays as it is.
func assigneeMayBeNull(path, property string) func(*openapi3.T) error {
	return func(doc *openapi3.T) error {
		assign, err := operationOf(doc, http.MethodPut, path)
		if err != nil {
			return err
		}
		media := assign.RequestBody.Value.Content.Get("application/json")
		if media == nil || media.Schema.Value.Properties[property] == nil {
			return fmt.Errorf("the operation PUT %s takes no JSON with %s", path, property)
		}
		body, nullable := *media.Schema.Value, *media.Schema.Value.Properties[property].Value
		nullable.Nullable = true
		body.Properties = maps.Clone(body.Properties)
		body.Properties[property] = openapi3.NewSchemaRef("", &nullable)
		media.Schema = openapi3.NewSchemaRef("", &body)
		return nil
	}
}

// schemaOf is a named schema of a document.
func schemaOf(doc *openapi3.T, name string) (*openapi3.Schema, error) {
	if doc.Components == nil || doc.Components.Schemas[name] == nil || doc.Components.Schemas[name].Value == nil {
		return nil, fmt.Errorf("the document has no schema %s", name)
	}
	return doc.Components.Schemas[name].Value, nil
}

// propertyOf returns a property of a named schema to be changed.
func propertyOf(doc *openapi3.T, name, property string) (*openapi3.SchemaRef, error) {
	s, err := schemaOf(doc, name)
	if err != nil {
		return nil, err
	}
	if s.Properties[property] == nil {
		return nil, fmt.Errorf("the schema %s has no property %s", name, property)
	}
	return s.Properties[property], nil
}

// operationOf is an operation by its method and the document's own path.
func operationOf(doc *openapi3.T, method, path string) (*openapi3.Operation, error) {
	item := doc.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		return nil, fmt.Errorf("the document has no operation %s %s", method, path)
	}
	return item.GetOperation(method), nil
}

// answerOf returns the JSON of an operation's answer to be changed.
func answerOf(doc *openapi3.T, method, path string, status int) (*openapi3.MediaType, error) {
	operation, err := operationOf(doc, method, path)
	if err != nil {
		return nil, err
	}
	answer := operation.Responses.Status(status)
	if answer == nil || answer.Value == nil || answer.Value.Content.Get("application/json") == nil {
		return nil, fmt.Errorf("the operation %s %s has no JSON answer %d", method, path, status)
	}
	return answer.Value.Content.Get("application/json"), nil
}
