package reports

// promise is what a check asks of a cloud, in words for people who do not know the check.
type promise struct {
	broken string // what happened when it was broken: a sentence
	felt   string // what happened to a client then, after "2 of 12 clients"
	kind   failing
}

// failing is what waiting does to what a check found.
type failing int

const (
	answers failing = iota // wrong answers: they may cease, and what somebody did about them stays
	lasting                // something is gone, or is as it must not be: it stays so
	service                // requests were not served: when they are again it has healed
)

// Meaning says in a sentence what has happened when a check fails; nothing of a check that nobody knows.
func Meaning(check string) string { return promiseOf(check).broken }

func promiseOf(check string) promise {
	return map[string]promise{
		"linearizable": {"Values were read that no order of events explains: old ones, or others than what was acknowledged.", "read such a value", answers},
		"serializable": {"Transactions saw one another half done, or not at all.", "", answers},
		"durable":      {"Changes that had been acknowledged were gone.", "missed one of them", lasting},
		"agreement":    {"Copies that must be equal were not.", "", lasting},
		"watched":      {"Who watches for changes was told of one twice, too late or never.", "", answers},

		"sessions": {"Somebody was answered as somebody else.", "got an answer that was for another", answers},
		"bounded":  {"People were shown what was not so any more, or not yet.", "were shown that", answers},
		"kept":     {"Accounts or posts that had been acknowledged were gone, or not what was posted.", "lost some", lasting},
		"jobs":     {"Work that had been promised was not done, or was done twice.", "did not get what was promised to them", lasting},
		"admitted": {"People could not log in with the password that they had chosen.", "were locked out", lasting},
		"blocked":  {"What moderators had blocked was shown.", "saw it", answers},
		"honest":   {"People who mean well were turned away, or their posts held.", "", service},
		"caught":   {"Spam came through to others.", "", answers},

		"live":     {"Too few requests were answered in time, although everything was healed.", "waited too long, or in vain", service},
		"served":   {"Too few requests were answered in time.", "waited too long, or in vain", service},
		"progress": {"Nothing was answered although enough nodes were well.", "", service},
		"lost":     {"Data was lost, and not everybody who asked for it was told so.", "asked in vain and were told nothing", lasting},

		"named":                  {"Alerts did not name what they must, or fired for nothing.", "", service},
		"untouched":              {"Nodes that were well were meddled with.", "", service},
		"no-unexpected-death":    {"A process ended by itself, and no fault excuses it.", "", service},
		"faults-felt":            {"Faults that had to show had no effect.", "", service},
		"leader-lost-mid-change": {"A group lost its leader in the middle of a change.", "", service},

		"confined": {"A process did what the simulator does not serve, and the run ended there.", "", lasting},
		"kills":    {"Fewer processes were killed than were to be.", "", service},
		"played":   {"The run could not be played to its end, and nobody has judged it.", "", lasting},
	}[check]
}
