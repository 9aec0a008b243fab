package dashboards

import "slices"

// one returns a panel with one query.
func one(title, unit, expr, legend string) panel {
	return panel{title, unit, []query{{expr, legend}}}
}

// quantiles returns a panel with the median and the slowest hundredth of a histogram, by some label.
func quantiles(title, histogram, by string) panel {
	p := panel{title: title, unit: "s"}
	for _, q := range []struct{ quantile, name string }{{"0.5", "p50"}, {"0.99", "p99"}} {
		p.queries = append(p.queries, query{"histogram_quantile(" + q.quantile + ", sum by (le, " + by + ") (rate(" + histogram + "_bucket[1m])))",
			q.name + " {{" + by + "}}"})
	}
	return p
}

// rate returns a panel with how often a counter rises, by some label.
func rate(title, counter, by string) panel {
	return one(title, "reqps", "sum by ("+by+") (rate("+counter+"[1m]))", "{{"+by+"}}")
}

// boards returns all dashboards.
func boards() []board { return slices.Concat(serving(), keeping(), []board{hardware()}) }

// hardware returns what the boards of nodes show.
func hardware() board {
	return board{"hardware", "hardware", []panel{
		one("Heat", "celsius", "picloud_hw_temperature_celsius", "{{instance}}"),
		one("Clock", "hertz", "picloud_hw_clock_hertz", "{{instance}}"),
		one("What the firmware does to boards", "short", "picloud_hw_throttled == 1", "{{instance}} {{what}}"),
		one("What happens to boards", "short", "sum by (instance, what) (increase(picloud_hw_events_total[5m]))", "{{instance}} {{what}}"),
		{"Voltage of supplies, as the board measures its own and others theirs", "volt", []query{
			{"picloud_hw_supply_volts", "{{instance}}"}, {"picloud_hw_neighbour_volts", "{{machine}}, by {{instance}}"}}},
		{"What boards draw", "amp", []query{{"picloud_hw_supply_amperes", "{{instance}}"}, {"picloud_hw_neighbour_amperes", "{{machine}}, by {{instance}}"}}},
		{"Fans: how fast they are to turn, and turn", "short", []query{{"picloud_hw_fan_duty_ratio", "{{instance}} duty"}, {"picloud_hw_fan_rpm", "{{instance}} rpm"}}},
		one("Written to cards", "Bps", "rate(picloud_hw_card_written_bytes_total[5m])", "{{instance}}"),
		one("Time in which programs waited for the disk", "percentunit", "rate(picloud_hw_pressure_io_seconds_total[1m])", "{{instance}}"),
		one("What boards do not say, and could", "short", "count by (instance) (picloud_hw_known == 0 and picloud_hw_expected == 1)", "{{instance}}"),
	}}
}

// serving returns the overview and what answers users.
func serving() []board {
	return []board{
		{"overview", "overview", []panel{
			one("Nodes that answer", "short", "up", "{{instance}}"),
			one("Alerts that fire", "short", `sum by (severity, class) (ALERTS{alertstate="firing"})`, "{{severity}} {{class}}"),
			one("Budgets burn, over 5 minutes (1: as fast as they may)", "short", "picloud_level:burn:rate5m", "{{level}} {{service}}{{queue}}"),
			rate("Answers of services", "picloud_lb_requests_total", "status"),
			quantiles("Time of services", "picloud_lb_request_seconds", "service"),
			one("Oldest job that waits", "s", "max by (queue) (picloud_queue_oldest_ready_seconds)", "{{queue}}"),
			one("Cores in use", "short", "rate(picloud_host_cpu_seconds_total[1m])", "{{instance}}"),
			one("Memory in use", "bytes", "picloud_host_memory_used_bytes", "{{instance}}"),
			one("Room on disks", "percentunit", "picloud_host_disk_free_bytes / picloud_host_disk_total_bytes", "{{instance}}"),
			one("Clocks off", "s", "picloud_node_time_seconds - timestamp(picloud_node_time_seconds)", "{{instance}}"),
		}},
		{"lb", "load balancer", []panel{
			rate("Answers", "picloud_lb_requests_total", "status"),
			quantiles("Time until answers begin", "picloud_lb_request_seconds", "service"),
			one("Servers", "short", "max by (service, state) (picloud_lb_servers)", "{{service}} {{state}}"),
			{"Requests at servers, room for them, and those that wait", "short", []query{
				{"sum by (service) (picloud_lb_in_flight)", "in flight {{service}}"}, {"sum by (service) (picloud_lb_room)", "room {{service}}"},
				{"sum by (service) (picloud_lb_waiting)", "wait {{service}}"}}},
			rate("Refused, as all servers are busy", "picloud_lb_shed_total", "priority"),
			rate("Second attempts", "picloud_lb_retries_total", "outcome"),
			rate("Reads sent twice", "picloud_lb_hedges_total", "outcome"),
			rate("Servers left out", "picloud_lb_ejections_total", "why"),
		}},
		{"app", "applications", []panel{
			rate("Answers", "picloud_app_requests_total", "status"),
			quantiles("Time", "picloud_app_request_seconds", "app"),
			one("Requests being served", "short", "sum by (instance, app) (picloud_app_requests_in_flight)", "{{app}} {{instance}}"),
			rate("Panics", "picloud_app_panics_total", "app"),
			rate("Reads of blobs", "picloud_blob_gets_total", "outcome"),
			rate("Reads, by where answers came from", "picloud_cache_client_reads_total", "from"),
		}},
	}
}

// keeping returns what keeps data and works on it.
func keeping() []board {
	return []board{
		{"cache", "cache", []panel{
			rate("Reads", "picloud_cache_requests_total", "outcome"),
			one("Age of answers", "s", "histogram_quantile(0.99, sum by (le) (rate(picloud_cache_answer_age_seconds_bucket[1m])))", "p99"),
			one("Memory", "bytes", "picloud_cache_bytes", "{{instance}}"),
			one("Time since changes were heard of", "s", "max by (instance) (picloud_cache_feed_age_seconds)", "{{instance}}"),
			rate("Offers of what clients read", "picloud_cache_fills_total", "outcome"),
			rate("Calls for changes that failed", "picloud_cache_feed_failures_total", "kind"),
		}},
		{"abuse", "abuse protection", []panel{
			rate("Verdicts", "picloud_abuse_verdicts_total", "decision"),
			rate("What is not simply allowed, and why", `picloud_abuse_verdicts_total{decision!="allow"}`, "reason"),
			quantiles("Time", "picloud_abuse_request_seconds", "verb"),
			one("Age of rules", "s", "max by (tenant, instance) (picloud_abuse_rules_age_seconds)", "{{tenant}} {{instance}}"),
		}},
		{"store", "store and database", []panel{
			rate("Requests to the store", "picloud_store_requests_total", "kind"),
			quantiles("Time of the store", "picloud_store_request_seconds", "method"),
			quantiles("Time of writes to cards", "picloud_store_log_write_seconds", "instance"),
			one("Leads", "short", "sum by (instance) (picloud_store_group_leader)", "{{instance}}"),
			one("Entries behind", "short", "picloud_store_group_commit_index - picloud_store_group_applied_index", "{{instance}} group {{group}}"),
			rate("Leads given away after slow writes", "picloud_store_yields_total", "outcome"),
			rate("Requests to the database", "picloud_db_requests_total", "kind"),
			quantiles("Time of the database", "picloud_db_request_seconds", "protocol"),
		}},
		{"queue", "queues and functions", []panel{
			rate("What happens to jobs", "picloud_queue_events_total", "event"),
			one("Jobs", "short", "sum by (queue, state) (picloud_queue_jobs)", "{{queue}} {{state}}"),
			one("Oldest job that waits", "s", "max by (queue) (picloud_queue_oldest_ready_seconds)", "{{queue}}"),
			quantiles("Time jobs waited", "picloud_queue_wait_seconds", "queue"),
			rate("Runs", "picloud_lambda_runs_total", "outcome"),
			quantiles("Time of runs", "picloud_lambda_run_seconds", "kind"),
			{"Runs at one time, and the limit", "short", []query{
				{"sum by (instance) (picloud_lambda_in_flight)", "{{instance}}"}, {"sum by (instance) (picloud_lambda_node_limit)", "limit {{instance}}"}}},
			one("Functions that do not return", "short", "sum by (kind) (picloud_lambda_stuck)", "{{kind}}"),
		}},
	}
}
