package membership

import "time"

// SetNow has users take the time from now.
func (u *Users) SetNow(now func() time.Time) { u.now = now }
