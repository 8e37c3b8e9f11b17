package apispec

import (
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// eachSchema visits every schema of a document once: named ones, those of parameters, bodies and answers, and all within
// them.
func eachSchema(doc *openapi3.T, visit func(*openapi3.Schema)) {
	seen := map[*openapi3.Schema]bool{}
	var walk func(*openapi3.SchemaRef)
	walk = func(ref *openapi3.SchemaRef) {
		if ref == nil || ref.Value == nil || seen[ref.Value] {
			return
		}
		s := ref.Value
		seen[s] = true
		visit(s)
		for _, inner := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
			walk(inner)
		}
		for _, property := range s.Properties {
			walk(property)
		}
		for _, inner := range []*openapi3.SchemaRef{s.Not, s.Items, s.AdditionalProperties.Schema} {
			walk(inner)
		}
	}
	if doc.Components != nil {
		for _, s := range doc.Components.Schemas {
			walk(s)
		}
	}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, s := range schemasOf(item, operation) {
				walk(s)
			}
		}
	}
}

// schemasOf are the schemas that an operation names itself.
func schemasOf(item *openapi3.PathItem, operation *openapi3.Operation) []*openapi3.SchemaRef {
	var all []*openapi3.SchemaRef
	for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
		all = append(all, p.Value.Schema)
	}
	contents := []openapi3.Content{}
	if operation.RequestBody != nil {
		contents = append(contents, operation.RequestBody.Value.Content)
	}
	for _, answer := range operation.Responses.Map() {
		contents = append(contents, answer.Value.Content)
	}
	for _, content := range contents {
		for _, media := range content {
			all = append(all, media.Schema)
		}
	}
	return all
}

// anything is a schema that allows every value, null as well.
func anything() *openapi3.SchemaRef {
	return openapi3.NewSchemaRef("", &openapi3.Schema{Nullable: true})
}

// arrayOf is a schema for lists.
func arrayOf(items *openapi3.SchemaRef) *openapi3.SchemaRef {
	return openapi3.NewSchemaRef("", &openapi3.Schema{Type: &openapi3.Types{openapi3.TypeArray}, Items: items})
}

// pageOf is a schema for one page of a list: an object that has values.
func pageOf(items *openapi3.SchemaRef) *openapi3.SchemaRef {
	integer, boolean := openapi3.NewInt64Schema(), openapi3.NewBoolSchema()
	return openapi3.NewSchemaRef("", &openapi3.Schema{
		Type: &openapi3.Types{openapi3.TypeObject}, Required: []string{"values"},
		Properties: openapi3.Schemas{
			"values": arrayOf(items), "isLast": boolean.NewRef(),
			"startAt": integer.NewRef(), "maxResults": integer.NewRef(), "total": integer.NewRef(),
		},
	})
}
