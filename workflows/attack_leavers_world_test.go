package workflows_test

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
)

// onLookup hears of every look-up of people that has been answered.
func onLookup(do func()) func(*activity.Info, converter.EncodedValue, error) {
	return func(i *activity.Info, _ converter.EncodedValue, err error) {
		if i.ActivityType.Name == "LookupPeople" && err == nil {
			do()
		}
	}
}
