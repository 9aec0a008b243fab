package reports

import (
	"encoding/xml"
	"strings"
)

// The elements of a JUnit report, as far as build servers read them.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	Failure *junitFault `xml:"failure"`
	Error   *junitFault `xml:"error"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit returns the checks as a JUnit report, for build servers: a test case for each. A check that could not decide is an error, as it is no
// pass; so is a required fault that was not felt, or a run without checks.
func JUnit(r *Result) ([]byte, error) {
	suite := junitSuite{Name: r.Scenario}
	add := func(name string, status Status, detail string) {
		one := junitCase{Name: name, Class: r.Scenario}
		first, _, _ := strings.Cut(detail, "\n")
		switch status {
		case Pass:
		case Fail:
			suite.Failures++
			one.Failure = &junitFault{first, detail}
		default:
			suite.Errors++
			one.Error = &junitFault{first, detail}
		}
		suite.Tests++
		suite.Cases = append(suite.Cases, one)
	}
	for _, c := range r.Checks {
		add(c.Name, c.Status, c.Detail)
	}
	if r.Verdict != Pass && suite.Failures+suite.Errors == 0 {
		add("verdict", r.Verdict, r.Cause())
	}
	b, err := xml.MarshalIndent(suite, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}
