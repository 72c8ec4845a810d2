// Validates templates, and fills in their variables for a machine.
import { Type, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { v5 as uuidv5 } from 'uuid';
import type { AppError } from '../../core/errors.ts';
import type { Machine } from '../../model/machine.ts';
import { Template, templateActions, type TemplateAction } from '../../model/template.ts';
import { invalid } from './violations.ts';

type ActionTag = keyof typeof templateActions;

/** A template apart from its actions. Each action is checked by the schema of its tag, because the errors
 *  of a union of ten do not say which field is at fault. */
const frame = Compile(
  Type.Object(
    {
      ...Template.properties,
      spec: Type.Object(
        {
          ...Template.properties.spec.properties,
          actions: Type.Array(Type.Object({ action: Type.Enum(Object.keys(templateActions)) }), {
            minItems: 1,
            maxItems: 256,
          }),
        },
        { additionalProperties: false },
      ),
    },
    { additionalProperties: false },
  ),
);
const checks = new Map(
  Object.entries<TSchema>(templateActions).map(([tag, schema]) => [tag, Compile(schema)]),
);

/** Says why a document is not a template, with the path of the field; undefined if it is one. */
export function templateFault(document: unknown): AppError | undefined {
  if (!frame.Check(document)) return invalid('body', [...frame.Errors(document)]);
  for (const [i, action] of document.spec.actions.entries()) {
    const at = `/spec/actions/${i}`;
    const check = checks.get(action.action);
    if (check !== undefined && !check.Check(action)) {
      const errors = [...check.Errors(action)];
      return invalid(
        'body',
        errors.map((e) => ({ ...e, instancePath: at + e.instancePath })),
      );
    }
    if (action.action === 'writefile' && !('content' in action) && !('content_b64' in action)) {
      return invalid('body', [
        { keyword: 'required', instancePath: at, params: { requiredProperties: ['content'] } },
      ]);
    }
  }
  return undefined;
}

/** Actions that leave the partition table and file systems of an installed system in place. */
const sparesDisks: ReadonlySet<ActionTag> = new Set([
  'writefile',
  'kexec',
  'efibootmgr',
  'seabios',
  'reboot',
  'chroot',
  'jetpack',
]);

/** True if running the template overwrites a disk. */
export function writesDisks(template: Template): boolean {
  return template.spec.actions.some((action) => !sparesDisks.has(action.action));
}

/** The variables that come from the machine's record and the server's address. */
interface MachineVariables {
  readonly server: string;
  readonly instance_id: string;
  readonly friendly_name: string;
  readonly network_config_cloudinit: string;
}

/** The variables that operators set for all machines as "template.<name>", with their defaults. */
export const defaultVariables = {
  default_user: 'root',
  default_password: '',
  ssh_authorized_keys: '',
  ssh_import_id: '',
  ssh_pwauth: 'false',
};
export type FleetVariables = Readonly<typeof defaultVariables>;
// The keys of a literal are those of its type.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
export const fleetVariableNames = Object.keys(defaultVariables) as (keyof FleetVariables)[];

export type TemplateVariables = MachineVariables & FleetVariables;

/** The variables from a machine's record. `server` is the URL of this server. */
export function machineVariables(machine: Machine, server: string): MachineVariables {
  const mac = machine.identity.primary_mac;
  return {
    server,
    instance_id: uuidv5(mac, uuidv5.DNS),
    friendly_name: machine.config.memorable_name,
    network_config_cloudinit: [
      'version: 2',
      'ethernets:',
      '  primary:',
      `    match: { macaddress: "${mac}" }`,
      '    dhcp4: true',
      '    dhcp6: true',
      '',
    ].join('\n'),
  };
}

/** Replaces `{{ name }}` in the template's urls and contents. Unknown names stay as they are: cloud-init
 *  and others have braces of their own. */
export function fillTemplate(template: Template, variables: TemplateVariables): Template {
  const actions = template.spec.actions.map((action) => fillAction(action, variables));
  return { ...template, spec: { ...template.spec, actions } };
}

function fillAction(action: TemplateAction, variables: TemplateVariables): TemplateAction {
  const filled = { ...action };
  if ('url' in filled) filled.url = fillText(filled.url, variables);
  if ('content' in filled && filled.content !== undefined) {
    filled.content = fillText(filled.content, variables);
  }
  return filled;
}

/** Templates write both "{{ server }}/…" and "http://{{ server }}/…". The server's URL, scheme included,
 *  replaces either. */
function fillText(text: string, variables: TemplateVariables): string {
  const values = new Map<string, string>(Object.entries(variables));
  return text.replaceAll(
    /(?:[a-z]+:\/\/(?=\{\{\s*server\b))?\{\{\s*(\w+)\s*\}\}/g,
    (whole, name: string) => values.get(name) ?? whole,
  );
}
