import type { Random } from '@whittle/ir'

/** What people may write about: who, what they do, what with, and where. Even topics calibrate, odd ones are compared. */
const TOPICS: readonly (readonly [who: string, does: string, what: string, where: string])[] = [
  [
    'chef,baker,waiter,cook',
    'tasted,burned,served,prepared',
    'soup,bread,pasta,dessert',
    'in the kitchen,at the restaurant,for the guests',
  ],
  [
    'doctor,nurse,surgeon,patient',
    'examined,treated,described,recovered from',
    'fever,wound,infection,broken leg',
    'in the hospital,at the clinic,after the operation',
  ],
  [
    'pilot,captain,passenger,engineer',
    'boarded,landed,repaired,missed',
    'plane,helicopter,jet,flight',
    'at the airport,above the clouds,before the storm',
  ],
  [
    'farmer,gardener,shepherd,vet',
    'fed,planted,harvested,watered',
    'sheep,wheat,tomatoes,apple trees',
    'on the farm,behind the barn,in the valley',
  ],
  [
    'teacher,student,professor,pupil',
    'explained,failed,studied for,wrote',
    'exam,essay,lesson,homework',
    'at school,in the library,during the summer term',
  ],
  [
    'violinist,singer,drummer,band',
    'played,recorded,rehearsed,composed',
    'song,symphony,concert,melody',
    'on the stage,in the studio,for a large audience',
  ],
  [
    'programmer,hacker,developer,administrator',
    'debugged,deployed,rewrote,crashed',
    'software,server,database,website',
    'at the office,over the weekend,in the data centre',
  ],
  [
    'striker,goalkeeper,coach,team',
    'won,lost,scored in,watched',
    'match,final,tournament,penalty shootout',
    'in the stadium,against their rivals,in the rain',
  ],
  [
    'banker,investor,trader,economist',
    'sold,predicted,bought,lost',
    'shares,bonds,loan,currency',
    'on the stock market,at the bank,during the crisis',
  ],
  [
    'sailor,fisherman,diver,captain',
    'caught,spotted,steered,rescued',
    'fish,boat,whale,ship',
    'on the sea,near the harbour,under the waves',
  ],
  [
    'judge,lawyer,witness,detective',
    'questioned,arrested,defended,accused',
    'thief,suspect,murderer,burglar',
    'in court,at the police station,late at night',
  ],
  [
    'astronomer,astronaut,scientist,engineer',
    'observed,launched,discovered,photographed',
    'planet,rocket,comet,galaxy',
    'in space,through a telescope,from the observatory',
  ],
  [
    'painter,sculptor,photographer,curator',
    'exhibited,drew,sold,restored',
    'portrait,statue,landscape,painting',
    'in the museum,at the gallery,in the old town',
  ],
  ['dog,cat,kitten,puppy', 'chased,scratched,licked,hid', 'ball,sofa,mouse,bone', 'in the living room,under the bed,in the garden'],
  [
    'minister,president,senator,mayor',
    'signed,rejected,announced,debated',
    'law,treaty,budget,election',
    'in parliament,in front of the press,in the capital',
  ],
  [
    'hiker,climber,tourist,guide',
    'reached,photographed,crossed,left',
    'summit,glacier,trail,camp',
    'in the mountains,through the forest,before sunset',
  ],
]

const OPENINGS = ['', '', '', 'Yesterday ', 'They say that ', 'I heard that ', 'Last year ', 'It is true that ']
const KINDS = ['young', 'old', 'famous', 'tired', 'new', 'local']
const ENDS = ['', '', ', but nobody noticed', ' and was very happy about it', ' for the first time', ', which took three hours']

/** A sentence that no list of sentences holds. */
export function sentence(random: Random, half: 'calibration' | 'evaluation'): string {
  const topics = TOPICS.filter((_, index) => (index % 2 === 0) === (half === 'calibration'))
  const [who, does, what, where] = pick(random, topics).map((words) => pick(random, words.split(',')))
  const text = `${pick(random, OPENINGS)}the ${pick(random, KINDS)} ${who} ${does} the ${what} ${where}${pick(random, ENDS)}`
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.integer(from.length)]!
}
