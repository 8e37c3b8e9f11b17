//go:build !race

package workflows_test

// raceDetector is true when the tests are compiled with the race detector.
const raceDetector = false
