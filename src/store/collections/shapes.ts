// The minimum that the server needs of a stored document: types alone, no limits, because limits are for requests and
// never for what is stored.
import { Type, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { HardwareInfo } from '../../model/machine.ts';

const text = Type.String();
const texts = Type.Array(text);
const things = Type.Array(Type.Object({}));
const maybe = (schema: TSchema): TSchema => Type.Optional(Type.Union([schema, Type.Null()]));
const bag = Type.Object({});
/** The lists of a machine's hardware, which pages and rules go over. */
const hardwareLists = Object.fromEntries(
  Object.entries<TSchema>(HardwareInfo.properties)
    .filter(([, schema]) => Type.IsArray(schema))
    .map(([name]) => [name, maybe(things)]),
);

const schemas = {
  machine: Type.Object({
    id: text,
    identity: Type.Object({
      primary_mac: text,
      all_macs: texts,
      smbios_uuid: maybe(text),
      machine_id: maybe(text),
      identity_hash: text,
    }),
    status: Type.Object({ last_seen: maybe(text), current_workflow: maybe(text) }),
    hardware: Type.Object({
      ...hardwareLists,
      disks: things,
      network_interfaces: Type.Array(Type.Object({ mac: maybe(text), neighbour: maybe(bag) })),
      system: maybe(bag),
      board: maybe(bag),
      chassis: maybe(bag),
      firmware: maybe(bag),
      bmc: maybe(bag),
    }),
    config: Type.Object({
      hostname: maybe(text),
      memorable_name: text,
      os_choice: maybe(text),
      tags: texts,
      bmc: maybe(bag),
    }),
    metadata: Type.Object({ created_at: text, updated_at: text, labels: bag }),
    report: maybe(Type.Object({ problems: maybe(things), later_problems: maybe(things) })),
    local_boot: maybe(bag),
    disk_clues: maybe(texts),
    token_sha256: maybe(texts),
    token_holder: maybe(text),
  }),
  history: Type.Object({ machine_id: text, changes: things }),
  conflict: Type.Object({
    id: text,
    machine_id: text,
    candidates: Type.Array(Type.Object({ machine_id: text, evidence: texts })),
    resolution: Type.Union([bag, Type.Null()]),
  }),
  template: Type.Object({ metadata: Type.Object({ name: text }) }),
  workflow: Type.Object({
    metadata: Type.Object({ name: text }),
    spec: Type.Object({ hardwareRef: text, templateRef: text }),
    status: maybe(Type.Object({ actions: maybe(things) })),
  }),
  setting: Type.Object({ key: text, value: text }),
  token: Type.Object({ name: text }),
  presence: Type.Object({ server: text, machines: things }),
  audit: Type.Object({ id: text, at: text, by: text, action: text, records: texts }),
  webhook: Type.Object({ name: text, url: text, secret: text, enabled: Type.Boolean() }),
  delivery: Type.Object({
    id: text,
    webhook: text,
    lane: text,
    event: Type.Object({ type: text, timestamp: text, data: bag }),
    tries: Type.Integer(),
  }),
  lease: Type.Object({ work: text, server: text }),
  logPiece: Type.Object({
    id: text,
    machine_id: text,
    boot_id: text,
    stream: text,
    first: Type.Integer(),
    lines: Type.Array(Type.Object({ at: text, text })),
  }),
};

/** The first field of a document that is missing or of another type, as "identity/all_macs"; undefined if it has
 *  the shape of its kind. */
export type ShapeFault = (document: object) => string | undefined;

function faultFinder(schema: TSchema): ShapeFault {
  const check = Compile(schema);
  return (document) => {
    if (check.Check(document)) return undefined;
    const path = check.Errors(document)[0]?.instancePath.slice(1) ?? '';
    return path === '' ? 'a field' : path;
  };
}

// The keys are those of `schemas`, and each value is a finder.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const shapes = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [name, faultFinder(schema)]),
) as Readonly<Record<keyof typeof schemas, ShapeFault>>;
