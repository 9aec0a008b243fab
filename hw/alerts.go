package hw

import _ "embed"

//go:embed alerts.yaml
var alertRules string

// AlertRules returns the rules for alerts on boards, in Prometheus' format. They look at what package telemetry exports.
func AlertRules() string { return alertRules }
