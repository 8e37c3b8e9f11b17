package main

import (
	"context"
	"os"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], &surroundings{
		out: os.Stdout, err: os.Stderr, environ: os.Environ(),
	}))
}
