package httpapi

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"usher/internal/strictjson"
)

// strict returns the middleware that reads the body of a caller who is known, and refuses one whose JSON is not exactly as the route's schema names it; see strictjson. It stands before the
// decoder, which forgives. A body that is missing is left to the route.
func (a *API) strict() func(huma.Context, func(huma.Context)) {
	var once sync.Once
	var shape *strictjson.Shape
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(ctx)
		// The schema is known after the route's registration.
		once.Do(func() { shape = a.shapeOf(bodySchema(ctx.Operation())) })
		body, problem := readJSON(w, r)
		if problem == nil && len(body) > 0 {
			problem = misread(strictjson.Check(body, shape))
		}
		if problem != nil {
			problem.write(w, r)
			return
		}
		// The decoder knows one spelling.
		r.Header.Set("Content-Type", "application/json")
		r.Body = io.NopCloser(bytes.NewReader(body))
		next(ctx)
	}
}

// readJSON reads the body of a call, if it says that it is JSON.
func readJSON(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	if problem := otherMedia(r); problem != nil {
		return nil, problem
	}
	return readBody(w, r, MaxBody)
}

// otherMedia is the problem of a body that does not say that it is JSON as it is; nil for one that does.
func otherMedia(r *http.Request) *Problem {
	if problem := encoded(r); problem != nil {
		return problem
	}
	types := r.Header.Values("Content-Type")
	if len(types) == 1 && isJSON(types[0]) {
		return nil
	}
	return newProblem(kindOfStatus(http.StatusUnsupportedMediaType), "expected a body of Content-Type application/json",
		ProblemField{Location: "header.Content-Type", Message: "expected application/json"}).with("Accept", "application/json")
}

// encoded is the problem of a body that is compressed; nil for one that is not. A small compressed body can be a large one.
func encoded(r *http.Request) *Problem {
	for _, encoding := range r.Header.Values("Content-Encoding") {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return newProblem(kindOfStatus(http.StatusUnsupportedMediaType), "expected a body that is not compressed",
				ProblemField{Location: "header.Content-Encoding", Message: "expected identity, or none"}).with("Accept-Encoding", "identity")
		}
	}
	return nil
}

// isJSON reports whether a Content-Type is JSON, which is always UTF-8 (RFC 8259).
func isJSON(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || media != "application/json" {
		return false
	}
	charset, given := parameters["charset"]
	return len(parameters) == 0 || len(parameters) == 1 && given && strings.EqualFold(charset, "utf-8")
}

// bodySchema is the schema of a route's JSON body; nil for a route without one.
func bodySchema(o *huma.Operation) *huma.Schema {
	if o.RequestBody == nil || o.RequestBody.Content["application/json"] == nil {
		return nil
	}
	return o.RequestBody.Content["application/json"].Schema
}

// shapeOf returns which names a body may use, by its schema. An id that a source has listed may hold any character; see listedID.
func (a *API) shapeOf(schema *huma.Schema) *strictjson.Shape {
	if schema == nil {
		return nil
	}
	if schema.Ref != "" {
		shape := a.shapeOf(a.huma.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref))
		switch path.Base(schema.Ref) {
		case "ReleasePeopleBody":
			shape.Members["only"].Elements.AnyCharacter = true
		case "SyncScopeBody":
			shape.Members["person"].AnyCharacter = true
		}
		return shape
	}
	shape := &strictjson.Shape{Elements: a.shapeOf(schema.Items)}
	if schema.Type == huma.TypeObject {
		shape.Members = map[string]*strictjson.Shape{}
		for name, property := range schema.Properties {
			shape.Members[name] = a.shapeOf(property)
		}
	}
	return shape
}

// misread is the problem of a body that strictjson refuses; nil for none.
func misread(err error) *Problem {
	var wrong *strictjson.Error
	if !errors.As(err, &wrong) {
		return nil
	}
	return newProblem(kindOfStatus(http.StatusBadRequest), "the body is not JSON as this route reads it",
		ProblemField{Location: "body" + wrong.Path, Pointer: wrong.Pointer, Message: wrong.Problem})
}

// pointerOf returns the JSON Pointer of a field of the body, by its location; "" for the whole body, and for what is no part of it. Locations are
// made of names of ours, which hold no characters that a pointer escapes.
func pointerOf(location string) string {
	path, inBody := strings.CutPrefix(location, "body.")
	if !inBody {
		return ""
	}
	return "/" + strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(path)
}
