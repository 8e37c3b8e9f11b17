package activities

import (
	"context"

	"usher/internal/access"
)

// CheckResult is what a check found: Problem is why the question could not be answered, "" when it could; Findings are
// what a human must mend.
type CheckResult struct {
	Problem  string           `json:"problem,omitempty"`
	Findings []access.Finding `json:"findings,omitempty"`
}

// check runs a port's own check once. A problem is an answer here, not an error: Doctor shows it and never retries.
func check(ctx context.Context, port access.Checker) (CheckResult, error) {
	findings, err := port.Check(ctx)
	return CheckResult{Problem: problem(err), Findings: findings}, nil
}

// problem is an error as an answer: "" for none.
func problem(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
