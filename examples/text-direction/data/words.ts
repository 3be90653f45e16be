const WORDS = `
  able above acorn across actor adapt admit afraid after again agree ahead alarm album alert alive allow almost alone along amber amount
  anchor angle ankle answer apple april apron arena argue arrow artist aside asleep attic aunt author autumn avenue awake badge bake
  balance bamboo banana banner barley barrel basket beach beacon bean beaver before begin behind bench berry better bicycle birch bitter
  blanket blossom border borrow bottle bottom branch brass bread breeze brick bridge bright bronze brother brush bucket buffalo butter
  button cabin cactus camera canal candle canvas canyon carbon career careful carpet carrot castle cattle cedar cellar cement center chalk
  chapter cherry chest chimney chorus circle citrus clay clever climb clock cloud clover coast cobalt coffee collar comet common compass
  copper coral corner cotton county cousin cradle crane crayon cream cricket crisp crown crystal curtain custom cymbal dahlia dairy dance
  danger daring dawn daylight decade deep delta desert design desk dialect diamond dinner distant doctor dolphin donkey double dozen
  dragon dream drawer drift drum dusty eager eagle early earth easel east echo edge eight elbow elder ember empty engine enough equal
  errand escape even evening exact example extra fabric factory falcon family famous farmer father feather fence fern ferry field fiddle
  figure finger finish fisher flame flannel flavor flight flint flower flute foam follow forest forget fossil fountain fragile freckle
  fresh friend frost fruit funnel future gadget galaxy gallon garden garlic gather gentle giant ginger glacier glass globe glove golden
  goose gospel grain granite grape grass gravel green grocer ground grove guitar gutter habit hammer handle harbor harvest hazel healthy
  heart heron hidden hollow honest honey horizon horse hotel hundred hunter hurry icicle idea igloo image inch indigo insect inside island
  itself ivory ivy jacket jasmine jelly jewel jigsaw journey jungle junior juniper justice kayak keen kennel kernel kettle keyboard kidney
  kindle king kitchen kite kitten knead knight ladder lake lantern lately laurel lava leader leaf leather lemon lentil letter level
  library lichen light lilac linen lion liquid little lively lizard local locket lonely lucky lumber lunar machine magnet mallet mango
  manner maple marble margin market marsh meadow medal melody melon member merry meteor middle mild mineral minute mirror misty modern
  moment monkey moon morning mosaic mother motor mountain muffin museum music mustard napkin narrow nation nature nearly needle nephew
  nickel night noble noodle normal north notebook number nurse nutmeg oasis oatmeal object ocean october office often olive onion opal
  orange orbit orchard ordinary organ orient otter outside oval owner oyster paddle palace pancake panel paper parade parcel parrot party
  pastel pasture patient peach peanut pebble pelican pencil pepper person petal phrase piano picnic pigeon pillow pine pirate planet plank
  plaster plenty plum pocket poem polish pony poplar potato powder prairie pretty prism proud public puddle pumpkin puzzle quarter quartz
  queen quick quiet quilt quiver rabbit radar radio raft rain raisin ranch rapid raven reader ready reason record reed remark rescue
  ribbon riddle ripple river robin rocket roof rose rough round rubber runner rustic saddle saffron sailor salad salmon sample sandal
  sapphire satin saucer school season second secret seed shadow shelter shine shiver shore shovel signal silent silver simple sister
  sketch slender smooth snow socket soft solar sorrel south spark sparrow spice spiral spring square squash stable station steam stone
  story strand stream studio sugar summer sunset supper surface swallow sweater symbol table tailor talent tangle tennis thicket thimble
  thirsty thread thunder ticket tiger timber tiny toast tomato topaz torch tower trail travel treble tulip tunnel turtle twelve twenty
  twilight umbrella uncle under unicorn unite until upper urban useful usual valley vanilla velvet venture verse village violet violin
  visit voice volcano voyage waffle walnut wander warbler warm water weather weaver wedding welcome western wheat whisper whistle wicker
  willow window winter wisdom wonder wooden wool worker wren yarn yellow yesterday yogurt young zebra zero zigzag zinc zipper
`
  .trim()
  .split(/\s+/)

/** Words of which calibration lines are made. */
export const calibrationWords: readonly string[] = WORDS.filter((_, index) => index % 2 === 0)

/** Words of which evaluation lines are made: none of them is among the others. */
export const evaluationWords: readonly string[] = WORDS.filter((_, index) => index % 2 === 1)
