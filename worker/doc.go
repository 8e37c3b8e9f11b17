// Command usher-worker is the doing side of usher: it runs the workflows, and the activities of every connector that
// its configuration names. It holds the credentials.
//
// main.go starts and stops it, config.go is its configuration, wiring.go puts it together with fx, connectors.go has
// one switch per port, health.go answers probes.
package main
