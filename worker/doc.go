// Command usher-worker is the doing side of usher: it runs the workflows, and the activities of every connector that
// its configuration names. It holds the credentials. Several may share the work, each serving a part of it: one at the
// edge serves connectors only, and knows neither the catalog nor the ledger.
//
// main.go starts and stops it. config.go is its configuration, with request_settings.go, serve.go and options.go. wiring.go puts it
// together with fx, connectors.go has one switch per port, observe.go counts calls. runner.go polls and drains,
// readiness.go and health.go answer probes and show metrics.
package main
