// Runs Segment's own code for LinkedIn Audiences over a file of events and prints what it cost:
//
//   node run.mjs --modules DIR --events FILE [--mappings N] [--limit N] [--batch N]
//   {"events":N,"matched":N,"requests":N,"seconds":N,"cpu_seconds":N}
//
// DIR is a node_modules made from the package.json beside this file. What is measured is what
// Segment's worker does with an event: parse it, then Destination.onBatch, that is subscription,
// mapping, schema and the destination's performBatch with its hashing, up to and including the
// request's body. HTTP is not: the package's fetch is replaced by one that answers at once with
// as little as the package accepts. Loading the package is not counted either.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseArgs } from 'node:util'

const READ_SIZE = 1 << 20
const NEWLINE = 10

const { values: options } = parseArgs({
  options: {
    modules: { type: 'string' },
    events: { type: 'string' },
    mappings: { type: 'string', default: '1' },
    limit: { type: 'string', default: '0' },
    batch: { type: 'string', default: '5000' }
  }
})
if (!options.modules || !options.events) {
  console.error('usage: node run.mjs --modules NODE_MODULES --events FILE [--mappings N] [--limit N] [--batch N]')
  process.exit(64)
}
const mappingCount = Number(options.mappings)
const limit = Number(options.limit) || Infinity
const batchSize = Number(options.batch)

const modules = path.resolve(options.modules)
const require = createRequire(path.join(modules, 'benchmark.js'))
const core = path.join(modules, '@segment/actions-core/dist/cjs')
// By file name: the packages do not export these two modules, and the index of
// action-destinations would load all of Segment's destinations.
const fetchModule = require(path.join(core, 'fetch.js'))
let requests = 0
fetchModule.default = async (request) => {
  requests += 1
  const body = request.method === 'GET' ? '{"elements":[{"id":1}]}' : '{}'
  return new fetchModule.Response(body, { status: 200, headers: { 'content-type': 'application/json' } })
}
const { Destination } = require(core)
const definition = require(
  path.join(modules, '@segment/action-destinations/dist/destinations/linkedin-audiences/index.js')
).default

// A mapping as Segment's user interface saves it: every field's default, and the audience's key.
function subscription(index) {
  const audience = `audience_${index}`
  const fields = definition.actions.updateAudience.fields
  const mapping = Object.fromEntries(
    Object.entries(fields)
      .filter(([, field]) => field.default !== undefined)
      .map(([name, field]) => [name, field.default])
  )
  mapping.personas_audience_key = audience
  return {
    name: audience,
    enabled: true,
    partnerAction: 'updateAudience',
    subscribe: `(event = "Audience Entered" or event = "Audience Exited") and properties.audience_key = "${audience}"`,
    mapping
  }
}

const settings = {
  ad_account_id: '512345678',
  send_email: true,
  send_google_advertising_id: true,
  oauth: { access_token: 'benchmark', refresh_token: 'benchmark', clientId: 'id', clientSecret: 'secret' },
  subscriptions: Array.from({ length: mappingCount }, (_, index) => subscription(index))
}
// Segment's worker keeps the id of the LinkedIn segment from one batch to the next.
const kept = new Map()
const stateContext = {
  getRequestContext: (key) => kept.get(key),
  setResponseContext: (key, value) => kept.set(key, value)
}
const destination = new Destination(definition)

let events = 0
let matched = 0
let batch = []

async function deliver() {
  if (batch.length === 0) return
  const results = await destination.onBatch(batch, settings, { stateContext })
  for (const { multistatus } of results) {
    for (const result of multistatus ?? []) if (result.status === 200) matched += 1
  }
  // The package collects every response for its caller, who takes them after each batch.
  destination.responses.length = 0
  batch = []
}

async function take(line) {
  if (line.length === 0) return
  events += 1
  batch.push(JSON.parse(line.toString('utf8')))
  if (batch.length >= batchSize) await deliver()
}

async function run() {
  const file = fs.openSync(options.events, 'r')
  const chunk = Buffer.alloc(READ_SIZE)
  let rest = Buffer.alloc(0)
  for (let size; events < limit && (size = fs.readSync(file, chunk, 0, READ_SIZE, null)) > 0; ) {
    const text = Buffer.concat([rest, chunk.subarray(0, size)])
    let begin = 0
    for (let end; events < limit && (end = text.indexOf(NEWLINE, begin)) !== -1; begin = end + 1) {
      await take(text.subarray(begin, end))
    }
    rest = text.subarray(begin)
  }
  if (events < limit) await take(rest)
  await deliver()
  fs.closeSync(file)
}

const cpuBefore = process.cpuUsage()
const before = process.hrtime.bigint()
await run()
const seconds = Number(process.hrtime.bigint() - before) / 1e9
const cpu = process.cpuUsage(cpuBefore)
console.log(JSON.stringify({ events, matched, requests, seconds, cpu_seconds: (cpu.user + cpu.system) / 1e6 }))
