// Compares the tests' model of Segment's trigger engine (tests/unit/segment_trigger_model.cpp) with
// @segment/destination-subscriptions, which scripts/bench installs into build/segment:
//
//   build/dev/tests/unit/trigger_test '[.print-segment-model]' |
//     node benchmarks/segment/compare_triggers.mjs --modules build/segment/node_modules
//
// PENSTOCK_SEED=N makes other triggers and events. Exit code 1 if an answer differs.
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const modules = process.argv[process.argv.indexOf('--modules') + 1]
const { parseFql, validate } = createRequire(`${resolve(modules)}/`)('@segment/destination-subscriptions')
const events = []
let agreed = 0
let shown = 0
let differed = 0

const answer = (ast, event) => {
  try {
    return validate(ast, event) ? '1' : '0'
  } catch {
    return '0' // the event is not delivered
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.startsWith('{')) continue
  const parsed = JSON.parse(line)
  if (parsed.trigger === undefined) {
    events.push(parsed)
    continue
  }
  const ast = parseFql(parsed.trigger)
  events.forEach((event, i) => {
    const theirs = answer(ast, event)
    if (theirs === parsed.model[i]) {
      ++agreed
    } else {
      ++differed
      if (++shown <= 20) console.log(`${parsed.trigger}\n  ${JSON.stringify(event)}\n  engine ${theirs}, model ${parsed.model[i]}`)
    }
  })
}
console.log(`${agreed} answers agree, ${differed} differ`)
process.exitCode = differed > 0 || agreed === 0 ? 1 : 0
