package phash

// The transform is of a square of side x side values; waves x waves of its coefficients are kept.
const (
	side  = 64
	waves = 16
)

// one is 1.0 in the table of cosines.
const one = 1 << 14

// cosines holds cos(π*i/128) for i = 0..64, times one, rounded.
var cosines = [side + 1]int64{
	16384, 16379, 16364, 16340, 16305, 16261, 16207, 16143, 16069, 15986, 15893, 15791, 15679,
	15557, 15426, 15286, 15137, 14978, 14811, 14635, 14449, 14256, 14053, 13842, 13623, 13395,
	13160, 12916, 12665, 12406, 12140, 11866, 11585, 11297, 11003, 10702, 10394, 10080, 9760,
	9434, 9102, 8765, 8423, 8076, 7723, 7366, 7005, 6639, 6270, 5897, 5520, 5139,
	4756, 4370, 3981, 3590, 3196, 2801, 2404, 2006, 1606, 1205, 804, 402, 0,
}

// cosine returns cos(π*i/128) times one.
func cosine(i int) int64 {
	i %= 4 * side
	if i > 2*side {
		i = 4*side - i
	}
	if i > side {
		return -cosines[2*side-i]
	}
	return cosines[i]
}

// square holds brightness, 0 to 255, times 256, row by row.
type square [side * side]int64

// coefficients are those of frequencies 1 to waves across and down, row by row.
type coefficients [waves * waves]int64

// level is the coefficient of a wave with an amplitude of one level of brightness: the sum of cos² over the square, a
// quarter of its points, in units of the square and twice that of the table.
const level = side * side / 4 * 256 * one * one

// transform is the discrete cosine transform (DCT-II) without its scale. No sum overflows: 16 bits of brightness, twice 15
// of the table, and 12 of the number of points.
func transform(s *square) (c coefficients) {
	var table [waves][side]int64
	for u := range waves {
		for x := range side {
			table[u][x] = cosine((2*x + 1) * (u + 1))
		}
	}
	var across [waves][side]int64 // of each row
	for y := range side {
		row := s[y*side:][:side]
		for u := range waves {
			var sum int64
			for x, v := range row {
				sum += v * table[u][x]
			}
			across[u][y] = sum
		}
	}
	for v := range waves {
		for u := range waves {
			var sum int64
			for y, a := range across[u] {
				sum += a * table[v][y]
			}
			c[v*waves+u] = sum
		}
	}
	return c
}

// noise is the share of a level of brightness below which the amplitude of a wave may be noise: a quarter.
const noise = level / 4

// clear returns how many coefficients are clear of noise.
func (c *coefficients) clear() int {
	n := 0
	for _, v := range c {
		if max(v, -v) >= noise {
			n++
		}
	}
	return n
}

// signs returns which coefficients are positive.
func (c *coefficients) signs() (h Hash) {
	for i, v := range c {
		if v > 0 {
			h[i/64] |= 1 << (i % 64)
		}
	}
	return h
}
