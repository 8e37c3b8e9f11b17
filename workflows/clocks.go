package workflows

import "time"

// alarm is a moment at which a request wakes up by itself.
type alarm struct {
	at time.Time
	// what names the alarm; ringing it is the request's business.
	what alarmName
}

type alarmName string

const (
	alarmDeadline alarmName = "decision deadline"
	alarmReminder alarmName = "reminder"
	alarmLook     alarmName = "look at the ticket"
	alarmEnsure   alarmName = "ask for the lease again"
	alarmCheck    alarmName = "check the hand-made grant"
)

// nextAlarm is the earliest of the alarms that are set; false when none is. Of two at one moment the first wins, so
// the order of the arguments is the order of importance.
func nextAlarm(alarms ...alarm) (alarm, bool) {
	var next alarm
	for _, a := range alarms {
		if !a.at.IsZero() && (next.at.IsZero() || a.at.Before(next.at)) {
			next = a
		}
	}
	return next, !next.at.IsZero()
}

// nextLook is when to look at the ticket again after so many looks in a row that found nothing new.
func nextLook(now time.Time, first, most time.Duration, quiet int) time.Time {
	return now.Add(patience{first: first, most: most}.after(quiet))
}
