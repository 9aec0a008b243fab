// Package firmware asks the firmware of a Raspberry Pi by the messages of its property interface (the mailbox), which Linux passes on
// at /dev/vcio.
//
// A message is 32-bit words: its size in bytes, 0, then a tag with the size of its room, 0 and the room, then 0. The answer
// comes in its place, with answered as its second word (include/soc/bcm2835/raspberrypi-firmware.h of the Raspberry Pi kernel).
package firmware

import (
	"errors"
	"fmt"
	"strings"

	"periph.io/x/conn/v3/physic"

	"picloud/hw"
)

// The tags of messages.
const (
	tagThrottled   = 0x00030046
	tagTemperature = 0x00030006
	tagMeasured    = 0x00030047
	tagVoltage     = 0x00030003
	tagCommand     = 0x00030080
)

const (
	answered = 0x80000000 // the message's second word, and a bit of the tag's third, once the firmware has done it
	arm      = 3          // the clock of the cores
	core     = 1          // the voltage of the cores
	// sticky are the bits that say that something has happened, where GET_THROTTLED wants them to clear them.
	sticky = 0xffff
)

// Mailbox passes messages on to the firmware.
type Mailbox interface {
	Property(message []uint32) error
}

// Firmware is the firmware of a board.
type Firmware struct{ mailbox Mailbox }

// New returns the firmware behind a mailbox.
func New(m Mailbox) *Firmware { return &Firmware{m} }

// Throttled returns what the firmware does to the board and has done. With clear it forgets what it has done: whoever else asks does not hear of it.
func (f *Firmware) Throttled(clear bool) (hw.Throttling, error) {
	room := []uint32{0}
	if clear {
		room[0] = sticky
	}
	err := f.ask("throttling", tagThrottled, room)
	return hw.Throttling(room[0]), err
}

// Temperature returns how hot the processor is. The word has a sign: it may freeze where a board is.
func (f *Firmware) Temperature() (physic.Temperature, error) {
	room := []uint32{0, 0}
	err := f.ask("temperature", tagTemperature, room)
	return physic.ZeroCelsius + physic.Temperature(int32(room[1]))*physic.MilliKelvin, err
}

// Clock returns the clock of the cores as it is measured.
func (f *Firmware) Clock() (physic.Frequency, error) {
	room := []uint32{arm, 0}
	err := f.ask("clock", tagMeasured, room)
	return physic.Frequency(room[1]) * physic.Hertz, err
}

// CoreVoltage returns what the cores are fed with.
func (f *Firmware) CoreVoltage() (physic.ElectricPotential, error) {
	room := []uint32{core, 0}
	err := f.ask("core voltage", tagVoltage, room)
	return physic.ElectricPotential(room[1]) * physic.MicroVolt, err
}

// Rails returns what a Pi 5 measures of its supplies.
func (f *Firmware) Rails() (Rails, error) {
	text, err := f.command("pmic_read_adc")
	if err != nil {
		return nil, err
	}
	rails, err := ParseRails(text)
	if err != nil {
		return nil, &hw.Error{Kind: hw.Failed, Doing: "read", What: "rails", Err: err}
	}
	return rails, nil
}

// ask sends a message with one tag; the answer comes in its room.
func (f *Firmware) ask(what string, tag uint32, room []uint32) error {
	const head = 5
	size := uint32(len(room) * 4)
	message := append([]uint32{uint32((head + len(room) + 1) * 4), 0, tag, size, 0}, room...)
	message = append(message, 0)
	if err := f.mailbox.Property(message); err != nil {
		return err
	}
	if message[1] != answered || message[4]&answered == 0 {
		return &hw.Error{Kind: hw.Failed, Doing: "ask the firmware for", What: what, Err: fmt.Errorf("it answers %#x, %#x", message[1], message[4])}
	}
	copy(room, message[head:])
	return nil
}

// roomBytes is the room that a command has, with the word for its error (vcgencmd of raspberrypi/utils).
const roomBytes = 1024

// command has the firmware do a command, as vcgencmd does: the first word of the answer is an error, then comes text.
func (f *Firmware) command(text string) (string, error) {
	words := make([]uint32, roomBytes/4)
	for i := range len(text) {
		words[1+i/4] |= uint32(text[i]) << (8 * (i % 4))
	}
	if err := f.ask(text, tagCommand, words); err != nil {
		return "", err
	}
	if words[0] != 0 {
		return "", &hw.Error{Kind: hw.Absent, Doing: "ask the firmware for", What: text, Err: fmt.Errorf("it says error %d", int32(words[0]))}
	}
	var b strings.Builder
	for _, w := range words[1:] {
		for i := range 4 {
			c := byte(w >> (8 * i))
			if c == 0 {
				return b.String(), nil
			}
			b.WriteByte(c)
		}
	}
	return "", &hw.Error{Kind: hw.Failed, Doing: "ask the firmware for", What: text, Err: errors.New("the answer has no end")}
}
