package httpapi

import (
	"net/http"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

// docsPage shows the API's document with Swagger UI. All of it comes from this program, so that it works where nothing else can be reached.
const docsPage = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>usher API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The document itself: <a href="/openapi.json">openapi.json</a>, <a href="/openapi.yaml">openapi.yaml</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`

const docsStart = `SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, docExpansion: "list",
  presets: [SwaggerUIBundle.presets.apis],
});
`

// docsPolicy lets the page load what this program serves, and call it; Swagger UI sets styles of its own.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocs serves the page of the document.
func (a *API) registerDocs() {
	page := serveBytes("text/html; charset=utf-8", docsPolicy, []byte(docsPage))
	start := serveBytes("text/javascript; charset=utf-8", docsPolicy, []byte(docsStart))
	files := http.StripPrefix("/docs", statigz.FileServer(static.FS))
	for route, serve := range map[string]http.HandlerFunc{
		"GET /docs": page,
		"GET /docs/{file}": func(w http.ResponseWriter, r *http.Request) {
			switch r.PathValue("file") {
			case "start.js":
				start(w, r)
			case "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png":
				files.ServeHTTP(w, r)
			default:
				noSuchPath().write(w, r)
			}
		},
	} {
		a.rowsOf(route, true)
		a.mux.HandleFunc(route, serve)
	}
}
