package texts

// words returns the lists that fill blanks, by the blank's name. Some words stand in ham and spam alike.
func words() map[string][]string {
	return map[string][]string{
		"who":   {"my sister", "our neighbour", "the old baker", "a friend", "my son", "the teacher", "grandma", "the whole family", "somebody at the club", "the librarian"},
		"made":  {"built", "painted", "repaired", "planted", "baked", "carried home", "finally finished", "photographed", "found", "took apart"},
		"what":  {"a bird house", "two tomato plants", "the blue bicycle", "a loaf of rye bread", "an apple tree", "the garden gate", "a small radio", "the kitchen clock", "a kite", "a shelf of Pis", "the weather station", "a wooden boat"},
		"when":  {"this morning", "last night", "on Sunday", "before the rain", "after school", "in the free hour", "today", "all week", "while it snowed", "at dawn"},
		"mood":  {"lovely", "cold", "quiet", "windy", "surprisingly warm", "long", "muddy", "bright", "slow", "golden"},
		"scene": {"walk", "afternoon", "ride along the river", "concert", "market", "evening in the garden", "match", "train journey", "picnic", "storm"},
		"verb":  {"read", "cook", "swim", "paint", "listen to records", "count birds", "sleep", "grow beans", "play chess", "mend things"},
		"food":  {"soup", "pancakes", "plum cake", "noodles", "mushrooms", "porridge", "roast pumpkin", "lentils"},
		"topic": {"bees", "old maps", "bread", "clouds", "soldering", "the stars", "compost", "trains", "knots", "the sea"},
		"cure":  {"slimming pills", "hair tonic", "miracle drops", "sleep tablets", "vitamin shots", "the joint cream"},
		"money": {"cash", "credit", "coins", "a bonus", "your prize", "a payout", "free money"},
		"fast":  {"now", "today", "within minutes", "before midnight", "at once", "while stocks last"},
		"lux":   {"watches", "handbags", "sunglasses", "sneakers", "perfume", "jewels"},
		"game":  {"slots", "poker", "roulette", "the lottery", "sports bets", "the jackpot"},
		"claim": {"guaranteed", "no risk", "doctors hate it", "hundred percent legal", "limited offer", "without any contract", "verified members only"},
	}
}

func hamSentences() []string {
	return []string{
		"{who} {made} {what} {when}.",
		"A {mood} {scene} near {place} {when}.",
		"Does anybody in {place} know how to keep {what} dry?",
		"I would rather {verb} than work {when}.",
		"We had {food} with {who}, and it was {mood}.",
		"Reading a book about {topic}, page {number} already.",
		"{who} says that {topic} matter more than money.",
		"The {scene} was {mood}, and nobody wanted to go home.",
		"Free {food} for everybody who helps to carry {what} {when}!",
		"Did our club win the {scene} in {place}? Yes, {number} to 1.",
		"I can offer {what} to whoever likes to {verb}.",
		"Thinking about {topic} {when}, with {food} on the table.",
		"Bus {number} to {place} is late again, so I {verb}.",
		"Today {who} and I will {verb}, and then there is {food}.",
		"Look what {who} {made}: {what}!",
		"No sun in {place} {when}, {mood} all the same.",
	}
}

func crowdSentences() []string {
	return []string{
		"Did you see {thing}? {mood}!",
		"{thing} {when}, I am still amazed.",
		"Everybody in {place} talks about {thing}.",
		"I came here only because of {thing}.",
		"{who} woke me up for {thing}, and it was worth it.",
		"More pictures of {thing}, please!",
	}
}

func spamSentences() []string {
	return []string{
		"Lose {number} pounds with {cure} from {brand}, {claim}.",
		"{brand} sells {cure} without prescription, order {fast}.",
		"Cheap {cure}, discreet delivery, {number} percent discount, {claim}.",
		"Earn {money} from home {fast}, {number} hundred a day, {claim}.",
		"Your account has won {money}, confirm your details {fast}.",
		"{brand} loans approved {fast}, bad credit welcome, {claim}.",
		"Replica {lux} by {brand}, {number} percent off {fast}.",
		"Luxury {lux} for less, buy {fast}, {claim}.",
		"Play {game} at {brand} casino, deposit {number} get double, {claim}.",
		"Win at {game} {fast}, secret system, {claim}.",
		"Followers for sale, {number} hundred likes {fast}, {claim}.",
		"Invest with {brand}, double your {money} {fast}, {claim}.",
	}
}

func urges() []string {
	return []string{
		"Click {fast}!", "Act {fast}, {claim}.", "Only {number} left.", "Subscribe and win {money}.", "Send a message to claim {money}.",
	}
}
