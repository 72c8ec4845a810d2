// Validates templates. Their variables are in variables.ts and fill.ts.
import { Type, type TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { AppError } from '../../core/errors.ts';
import { modePattern } from '../../model/actions/file-content.ts';
import { sizePattern } from '../../model/actions/size.ts';
import { Template, templateActions } from '../../model/documents/template.ts';
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
    if ('mode' in action && typeof action.mode === 'number') return ambiguousMode(at, action.mode);
    const endless = endlessHint(action);
    if (endless !== undefined) {
      return invalid('body', [{ ...endless, instancePath: `${at}/root_device/${endless.field}` }]);
    }
    if (check !== undefined && !check.Check(action)) {
      const errors = [...check.Errors(action)];
      return invalid(
        'body',
        errors.map((e) => ({ ...e, instancePath: at + e.instancePath })),
      );
    }
    const misspelt = misspeltField(action);
    if (misspelt !== undefined) {
      return invalid('body', [{ ...misspelt, instancePath: `${at}/${misspelt.field}` }]);
    }
    if (action.action === 'writefile' && !('content' in action) && !('content_b64' in action)) {
      return invalid('body', [
        { keyword: 'required', instancePath: at, params: { requiredProperties: ['content'] } },
      ]);
    }
  }
  return undefined;
}

const size = {
  pattern: sizePattern,
  message: 'is not a size: write it as 512M or 8G',
};

/** Texts of Dragonfly's types that mean nothing unless they are written like this. */
const spellings: Readonly<Record<string, { readonly pattern: RegExp; readonly message: string }>> =
  {
    mode: {
      pattern: modePattern,
      message: 'is not an octal number of at most 7777: write it as "0644"',
    },
    root_partition: {
      pattern: /^(?:[1-9]\d{0,2}|(?:PART)?(?:LABEL|UUID)=\S+|\/dev\/\S+)$/,
      message: 'is not a partition: write it as "2", LABEL=…, UUID=… or /dev/…',
    },
    efi_size: size,
    swap_size: size,
  };

/** The first field whose text cannot be meant; a variable may stand for anything. */
function misspeltField(action: object) {
  for (const [field, value] of Object.entries(action)) {
    const spelling = Object.hasOwn(spellings, field) ? spellings[field] : undefined;
    if (spelling === undefined || typeof value !== 'string' || value.includes('{{')) continue;
    if (spelling.pattern.test(value)) continue;
    return { field, keyword: 'pattern', message: spelling.message, params: {} };
  }
  return undefined;
}

/** The first hint that was written without quotes and is a number too long to be one, as a WWN is: 0x5000c500a1b2c3d4.
 *  An infinity comes as an object. */
function endlessHint(action: object) {
  const hints: unknown = 'root_device' in action ? action.root_device : undefined;
  for (const [field, value] of Object.entries(Object(hints))) {
    if (typeof value !== 'bigint' && !Object.hasOwn(Object(value), 'number')) continue;
    const message = 'is a number, too long to be kept: put quotes around it';
    return { field, keyword: 'type', message, params: {} };
  }
  return undefined;
}

function ambiguousMode(at: string, mode: number): AppError {
  const message = `is the number ${mode}, of which nobody knows whether it is meant as octal: write it as text, "0644"`;
  return invalid('body', [{ keyword: 'type', instancePath: `${at}/mode`, message, params: {} }]);
}

/** The reason why a stored template cannot start a workflow: an earlier version accepted a value that no agent
 *  can read, or one beyond today's limits. Undefined if it can. */
export function storedFault(template: Template): AppError | undefined {
  const fault = templateFault(template);
  if (fault === undefined) return undefined;
  const { name } = template.metadata;
  const why = fault.message.replace(/^body: /, '');
  return new AppError(
    'template.invalid',
    `the template ${name} cannot be run: ${why}; correct it`,
    {
      details: { template: name, path: fault.details['path'] },
    },
  );
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
