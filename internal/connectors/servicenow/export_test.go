package servicenow

// MaxURL is how long an URL may be.
const MaxURL = maxURL
