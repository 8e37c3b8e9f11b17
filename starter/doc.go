// Command usher is the asking side of usher: `usher serve` answers HTTP calls, and the other commands are a client of
// that HTTP API. It holds no desk's and no directory's credentials.
//
// main.go and root.go are the command line, serve.go runs the server and config.go is its configuration; client.go
// makes the HTTP calls, the commands_*.go files are the commands, and show.go writes answers for people.
package main
