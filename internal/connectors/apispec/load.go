package apispec

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"golang.org/x/sync/errgroup"
)

// Edition is a product whose API somebody describes.
type Edition string

// The editions: two of Jira, and ServiceNow.
const (
	Cloud      Edition = "cloud"
	DataCenter Edition = "data_center"
	ServiceNow Edition = "servicenow"
)

// source is one of the documents.
type source struct {
	// file is its name in the folder of the documents or, for one that is usher's own, in this package.
	file string
	own  bool
	// wire is how paths begin on the wire that the document describes; base is what its own paths leave out of that.
	wire, base string
}

// own are the documents that are usher's: they describe what usher uses of an API that its vendor does not describe.
//
//go:embed servicenow.yaml
var own embed.FS

// sources are the documents of each edition. Data Center's document has paths below "/rest" of its server; no official
// document describes its service management. Those of ServiceNow are the community's, beside one that is usher's own.
func sources() map[Edition][]source {
	return map[Edition][]source{
		Cloud: {
			{file: cloud3, wire: "/rest/api/3/"},
			{file: cloud2, wire: "/rest/api/2/"},
			{file: desk, wire: "/rest/servicedeskapi/"},
		},
		DataCenter: {
			{file: dataCenter10, wire: "/rest/api/2/", base: "/rest"},
		},
		ServiceNow: {
			{file: "servicenow.yaml", own: true, wire: "/"},
			{file: tableAPI, wire: "/api/now/", base: "/api/now"},
			{file: importAPI, wire: "/api/now/", base: "/api/now"},
			{file: catalogAPI, wire: "/api/sn_sc/", base: "/api/sn_sc"},
			{file: cartAPI, wire: "/api/sn_sc/", base: "/api/sn_sc"},
		},
	}
}

// document is a source with what it describes.
type document struct {
	source
	*described
}

// described is what a document describes. It is not changed any more and safe for concurrent use.
type described struct {
	title string
	// routes are the routers by the first segment behind source.wire; one router for everything is slow.
	routes map[string]routers.Router
}

// Available reports whether the documents of an edition are in a folder, without reading them: nil, or an error that wraps
// ErrNoDocuments. Those that are usher's own are always there.
func Available(dir string, edition Edition) error {
	if dir == "" {
		return noDocuments{edition, `""`}
	}
	for _, s := range sources()[edition] {
		if _, err := os.Stat(filepath.Join(dir, s.file)); errors.Is(err, fs.ErrNotExist) && !s.own {
			return noDocuments{edition, fmt.Sprintf("%s (no file %s)", dir, s.file)}
		}
	}
	return nil
}

// Load makes the contract of an edition from the documents in a folder. Each document is read once per process, all of
// them in about a second, and shared by all contracts. The error wraps ErrNoDocuments where the folder or a document is
// missing, unless there are documents of usher's own, which are enough then.
func Load(dir string, edition Edition) (*Contract, error) {
	list, known := sources()[edition]
	if !known {
		return nil, fmt.Errorf("load the contract: unknown edition %q; expected one of %s", edition, names(slices.Sorted(maps.Keys(sources()))))
	}
	if err := Available(dir, edition); err != nil {
		list = slices.DeleteFunc(list, func(s source) bool { return !s.own })
		if len(list) == 0 {
			return nil, err
		}
	}
	c := newContract(edition)
	c.documents = make([]document, len(list))
	var all errgroup.Group
	for n, s := range list {
		all.Go(func() error {
			known, err := once(filepath.Join(dir, s.file), edition, s)()
			c.documents[n] = document{source: s, described: known}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	return c, nil
}

// readOnce remembers documents by their paths: they are large, and never change while a process runs.
var readOnce sync.Map

// once is how a document is read: for the first who asks.
func once(path string, edition Edition, s source) func() (*described, error) {
	made := sync.OnceValues(func() (*described, error) { return readDocument(path, s, patchesFor(edition, s.file)) })
	kept, _ := readOnce.LoadOrStore(path, made)
	//nolint:forcetypeassert // nothing else is stored
	return kept.(func() (*described, error))
}

func readDocument(path string, s source, patches []Patch) (*described, error) {
	read := os.ReadFile
	if s.own {
		path, read = s.file, own.ReadFile
	}
	raw, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read the document %s: %w", s.file, err)
	}
	return describe(raw, s, patches)
}

// describe applies patches to a document. It never calls the document's own Validate, which all of them fail.
func describe(raw []byte, s source, patches []Patch) (*described, error) {
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, fmt.Errorf("read the document %s: %w", s.file, err)
	}
	for _, p := range patches {
		if err := p.apply(doc); err != nil {
			return nil, fmt.Errorf("read the document %s: patch %q: %w", s.file, p.Name, err)
		}
	}
	d := &described{title: s.file, routes: map[string]routers.Router{}}
	if doc.Info != nil {
		d.title += " " + doc.Info.Version
	}
	for first, paths := range byFirstSegment(doc, s) {
		// Without servers: any host will do.
		router, err := gorillamux.NewRouter(&openapi3.T{OpenAPI: doc.OpenAPI, Info: doc.Info, Components: doc.Components, Paths: paths})
		if err != nil {
			return nil, fmt.Errorf("read the document %s: %w", s.file, err)
		}
		d.routes[first] = router
	}
	return d, nil
}

// byFirstSegment splits the document's paths by their first segment on the wire, "issue" of "/rest/api/3/issue/{id}".
func byFirstSegment(doc *openapi3.T, s source) map[string]*openapi3.Paths {
	out := map[string]*openapi3.Paths{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		below, within := strings.CutPrefix(s.base+path, s.wire)
		if !within {
			continue
		}
		first, _, _ := strings.Cut(below, "/")
		if out[first] == nil {
			out[first] = openapi3.NewPaths()
		}
		out[first].Set(path, doc.Paths.Value(path))
	}
	return out
}

// route is an operation of a document that a request asks for.
type route struct {
	// name is the method and the path on the wire, with its parameters in braces.
	name   string
	found  *routers.Route
	params map[string]string
	// request is the request as the document's own paths see it, without a body.
	request *http.Request
}

// routesOf finds the operation of a request in each document that has it, by its path from "/rest/" on: whatever stands before
// is the site's own.
func (c *Contract) routesOf(r *http.Request) []route {
	path := apiPath(r.URL.EscapedPath())
	var all []route
	for _, d := range c.documents {
		if below, within := strings.CutPrefix(path, d.wire); within {
			if found, is := d.route(r, path, below); is {
				all = append(all, found)
			}
		}
	}
	return all
}

// route finds the operation of a request by its path; below is what of it stands behind source.wire.
func (d document) route(r *http.Request, path, below string) (route, bool) {
	first, _, _ := strings.Cut(below, "/")
	router := d.routes[first]
	if router == nil {
		return route{}, false
	}
	request := r.Clone(r.Context())
	request.Body = nil
	request.URL.RawPath = strings.TrimPrefix(path, d.base)
	if plain, err := url.PathUnescape(request.URL.RawPath); err == nil {
		request.URL.Path = plain
	}
	found, params, err := router.FindRoute(request)
	if err != nil || found.Operation == nil {
		return route{}, false
	}
	return route{name: r.Method + " " + d.base + found.Path, found: found, params: params, request: request}, true
}

// names lists editions, for an error's "expected".
func names(all []Edition) string {
	texts := make([]string, len(all))
	for n, e := range all {
		texts[n] = string(e)
	}
	return strings.Join(texts, ", ")
}
