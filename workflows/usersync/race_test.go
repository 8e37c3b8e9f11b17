//go:build race

package usersync_test

// raceDetector is true when the tests are compiled with the race detector.
const raceDetector = true
