// The stored Template document (camelCase, as Dragonfly writes it). Unknown fields are kept in actions,
// where newer Dragonfly versions add some, and refused elsewhere.
import { Type, type Static, type TObject, type TProperties } from 'typebox';
import { textsByKey, Timestamp, U32, U64, U8 } from '../fields.ts';

const strict = { additionalProperties: false };
const text = (maxLength = 4096) => Type.Optional(Type.String({ maxLength }));
const required = () => Type.String({ minLength: 1, maxLength: 4096 });
const flag = () => Type.Optional(Type.Boolean());
const seconds = Type.Optional(U64({ description: 'seconds' }));
const disk = Type.Optional(
  Type.String({ maxLength: 256, description: '"auto", or a device: /dev/sda' }),
);
const rootDevice = Type.Optional(
  Type.Record(
    Type.String({ maxLength: 64 }),
    Type.Union([Type.String({ maxLength: 256 }), Type.Number(), Type.Boolean()]),
    { description: "ours: hints that name the disk, in Ironic's notation", maxProperties: 16 },
  ),
);
const layout = Type.Optional(Type.Enum(['gpt-efi', 'gpt-bios', 'single']));
const partition = Type.Optional(U8({ description: 'its number' }));
const described = (description: string, maxLength: number) =>
  Type.Optional(Type.String({ maxLength, description }));
const size = described('512M; a number is taken as its digits', 64);
const list = (maxLength: number) =>
  described('separated by commas; a list is taken too', maxLength);

function action<Tag extends string, Fields extends TProperties>(tag: Tag, fields: Fields) {
  return Type.Object({ action: Type.Literal(tag), ...fields, timeout: seconds });
}

/** The actions of a template by their tag. */
export const templateActions = {
  image2disk: action('image2disk', {
    url: required(),
    disk,
    root_device: rootDevice,
    checksum: text(),
    verify: Type.Optional(
      Type.Enum(['full', 'sampled', 'none'], { description: 'ours: how it is read back' }),
    ),
  }),
  writefile: action('writefile', {
    path: required(),
    partition,
    target: Type.Optional(
      Type.Enum(['root', 'esp'], { description: 'ours, instead of partition: the file system' }),
    ),
    fs_type: text(32),
    content: text(524_288),
    content_b64: text(524_288),
    mode: described('octal, as text: "0644"', 16),
    uid: Type.Optional(U32()),
    gid: Type.Optional(U32()),
  }),
  partition: action('partition', {
    disk,
    root_device: rootDevice,
    layout,
    efi_size: size,
    swap_size: size,
    filesystem: Type.Optional(
      Type.Enum(['ext4', 'xfs', 'btrfs', 'none'], { description: 'ours: of the root' }),
    ),
  }),
  kexec: action('kexec', {
    partition,
    root_partition: described('"2", LABEL=…, UUID=… or /dev/…', 256),
    fs_type: text(32),
    kernel: text(),
    initrd: text(),
    cmdline: text(),
  }),
  efibootmgr: action('efibootmgr', { set_pxe_first: flag(), pxe_boot_label: text(256) }),
  seabios: action('seabios', {
    set_pxe_first: flag(),
    boot_order: list(1024),
  }),
  reboot: action('reboot', { delay: seconds }),
  chroot: action('chroot', { disk, partition, fs_type: text(32), teardown: flag() }),
  jetpack: action('jetpack', {
    url: required(),
    binary_url: text(),
    checksum: described('ours: of the program', 4096),
  }),
  debootstrap: action('debootstrap', {
    suite: required(),
    disk,
    root_device: rootDevice,
    layout,
    mirror: text(),
    extra_packages: list(65_536),
  }),
} satisfies Record<string, TObject>;

export const TemplateAction = Type.Union([
  templateActions.image2disk,
  templateActions.writefile,
  templateActions.partition,
  templateActions.kexec,
  templateActions.efibootmgr,
  templateActions.seabios,
  templateActions.reboot,
  templateActions.chroot,
  templateActions.jetpack,
  templateActions.debootstrap,
]);
export type TemplateAction = Static<typeof TemplateAction>;

/** A name that is safe in a path, a file name and a key. */
export const TemplateName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$' });

const labels = textsByKey(253, Type.String({ maxLength: 4096 }));

export const Template = Type.Object(
  {
    apiVersion: Type.Literal('dragonfly.computer/v1'),
    kind: Type.Literal('Template'),
    metadata: Type.Object(
      {
        name: TemplateName,
        namespace: text(253),
        uid: Type.Optional(Type.String({ format: 'uuid' })),
        resourceVersion: text(64),
        labels: Type.Optional(labels),
        annotations: Type.Optional(labels),
        creationTimestamp: Type.Optional(Timestamp),
      },
      strict,
    ),
    spec: Type.Object(
      {
        version: text(64),
        timeout: Type.Optional(U64({ description: 'seconds, whole workflow' })),
        bootEnv: text(64),
        actions: Type.Array(TemplateAction, { minItems: 1, maxItems: 256 }),
      },
      strict,
    ),
  },
  strict,
);
export type Template = Static<typeof Template>;
