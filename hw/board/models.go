package board

import (
	"errors"
	"fmt"
	"strings"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// model is what is known of a kind of board.
type model struct {
	begins     string // what the device tree's model begins with
	soft, hard physic.Temperature
	rails      bool // whether its power chip measures
	looked     bool // whether it is only looked at
}

func celsius(degrees int64) physic.Temperature {
	return physic.ZeroCelsius + physic.Temperature(degrees)*physic.Celsius
}

// models returns the boards that are known. The limits are from Raspberry Pi's documentation (frequency-management): all lower
// their clock from 80 to 85 °C, a 3B+ first at 60 °C.
func models() []model {
	return []model{
		{begins: "Raspberry Pi 3 Model B Plus", soft: celsius(60), hard: celsius(85)},
		{begins: "Raspberry Pi 3 Model B", soft: celsius(80), hard: celsius(85)},
		{begins: "Raspberry Pi 4 Model B", soft: celsius(80), hard: celsius(85)},
		{begins: "Raspberry Pi 5", soft: celsius(80), hard: celsius(85), rails: true},
	}
}

// modelOf returns what is known of a board by what its device tree says, "Raspberry Pi 4 Model B Rev 1.4".
func modelOf(says string) (model, bool) {
	for _, m := range models() {
		rest, is := strings.CutPrefix(says, m.begins)
		if is && (rest == "" || rest[0] == ' ') {
			return m, true
		}
	}
	return model{}, false
}

// known lists the boards that are known.
func known() string {
	var names []string
	for _, m := range models() {
		names = append(names, m.begins)
	}
	return strings.Join(names, ", ")
}

// ErrUnknown says that a board is none of those that are known.
var ErrUnknown = errors.New("it is no board that is known")

// ErrOnlyLooked says that nothing is done to a machine that Any opened.
var ErrOnlyLooked = errors.New("the machine is only looked at")

func unknown(says string) error {
	found := "there is no device tree with a model"
	if says != "" {
		found = "its device tree says it is a " + says
	}
	return &hw.Error{Kind: hw.Absent, Doing: "open", What: "the board", Err: fmt.Errorf("%w: %s; known are %s", ErrUnknown, found, known())}
}
