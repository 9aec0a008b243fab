package pi

// Config says what is to be taken for the machine.
type Config struct {
	// Root is the folder below which the kernel's files are; the machine's own if it is empty. Below another one there are no pins,
	// buses and devices.
	Root string
	// Halt is the command that turns the machine off; systemctl poweroff if it is empty.
	Halt []string
}
