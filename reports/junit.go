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
	Skipped  int         `xml:"skipped,attr,omitempty"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string      `xml:"name,attr"`
	Class   string      `xml:"classname,attr"`
	Failure *junitFault `xml:"failure"`
	Error   *junitFault `xml:"error"`
	Skipped *junitFault `xml:"skipped"`
}

type junitFault struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// tolerated is the status of what could not be decided where that is no error.
const tolerated Status = "tolerated"

// add puts a test case in. What could not be decided is an error, as it is no pass.
func (s *junitSuite) add(name, class string, status Status, detail string) {
	one := junitCase{Name: name, Class: class}
	first, _, _ := strings.Cut(detail, "\n")
	switch status {
	case Pass:
	case Fail:
		s.Failures++
		one.Failure = &junitFault{first, detail}
	case tolerated:
		s.Skipped++
		one.Skipped = &junitFault{first, detail}
	default:
		s.Errors++
		one.Error = &junitFault{first, detail}
	}
	s.Tests++
	s.Cases = append(s.Cases, one)
}

func (s *junitSuite) encode() ([]byte, error) {
	b, err := xml.MarshalIndent(s, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}

// JUnit returns the checks as a JUnit report, for build servers: a test case for each. A check that could not decide is an error, as it is no
// pass; so is a required fault that was not felt, or a run without checks.
func JUnit(r *Result) ([]byte, error) {
	suite := junitSuite{Name: r.Scenario}
	for _, c := range r.Checks {
		suite.add(c.Name, r.Scenario, c.Status, c.Detail)
	}
	if r.Verdict != Pass && suite.Failures+suite.Errors == 0 {
		suite.add("verdict", r.Scenario, r.Verdict, r.Cause())
	}
	return suite.encode()
}
