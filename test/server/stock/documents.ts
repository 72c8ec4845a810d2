// The answers and documents that a stock Dragonfly agent parses, with its own types.
import {
  bool,
  defaulted,
  list,
  map,
  oneOf,
  option,
  struct,
  text,
  time,
  u32,
  u64,
  u8,
  uuid,
  type Reader,
} from './strict.ts';

export const readCheckin = struct({
  machine_id: uuid,
  memorable_name: text,
  is_new: bool,
  action: oneOf('wait', 'execute', 'reboot', 'localboot'),
  workflow_id: option(uuid),
});

const workflowState = oneOf(
  'STATE_PENDING',
  'STATE_RUNNING',
  'STATE_SUCCESS',
  'STATE_FAILED',
  'STATE_TIMEOUT',
);

export const readWorkflow = struct({
  apiVersion: text,
  kind: oneOf('Workflow'),
  metadata: struct({ name: uuid, labels: defaulted(map(text)), annotations: defaulted(map(text)) }),
  spec: struct({
    hardwareRef: uuid,
    templateRef: text,
    hardwareMap: defaulted(map(text)),
    bootOptions: option(
      struct({
        toggleAllowNetboot: option(bool),
        isoUrl: option(text),
        bootMode: option(oneOf('netboot', 'iso', 'local')),
      }),
    ),
  }),
  status: option(
    struct({
      state: workflowState,
      currentAction: option(text),
      progress: u8,
      globalTimeout: option(u64),
      startedAt: option(time),
      completedAt: option(time),
      error: option(text),
      actions: defaulted(
        list(
          struct({
            name: text,
            status: workflowState,
            startedAt: option(time),
            completedAt: option(time),
            seconds: option(u64),
            message: option(text),
          }),
        ),
      ),
    }),
  ),
});

const layout = defaulted(oneOf('gpt-efi', 'gpt-bios', 'single'));
const disk = defaulted(text);
const flag = defaulted(bool);
const seconds = option(u64);

/** The fields of each action by its tag. */
const actions: Readonly<Record<string, Reader<Readonly<Record<string, unknown>>>>> = {
  image2disk: struct({ url: text, disk, checksum: option(text), timeout: seconds }),
  writefile: struct({
    path: text,
    partition: option(u8),
    fs_type: option(text),
    content: option(text),
    content_b64: option(text),
    mode: option(text),
    uid: option(u32),
    gid: option(u32),
    timeout: seconds,
  }),
  partition: struct({
    disk,
    layout,
    efi_size: option(text),
    swap_size: option(text),
    timeout: seconds,
  }),
  kexec: struct({
    partition: option(u8),
    root_partition: option(text),
    fs_type: option(text),
    kernel: option(text),
    initrd: option(text),
    cmdline: option(text),
    timeout: seconds,
  }),
  efibootmgr: struct({
    set_pxe_first: flag,
    pxe_boot_label: option(text),
    timeout: seconds,
  }),
  seabios: struct({ set_pxe_first: flag, boot_order: option(text), timeout: seconds }),
  reboot: struct({ delay: option(u64), timeout: seconds }),
  chroot: struct({
    disk,
    partition: option(u8),
    fs_type: option(text),
    teardown: flag,
    timeout: seconds,
  }),
  jetpack: struct({ url: text, binary_url: option(text), timeout: seconds }),
  debootstrap: struct({
    suite: text,
    disk,
    layout,
    mirror: option(text),
    extra_packages: option(text),
    timeout: seconds,
  }),
};

const readAction: Reader<{ readonly action: string } & Readonly<Record<string, unknown>>> = (
  value,
  path,
) => {
  const { action } = struct({ action: oneOf(...Object.keys(actions)) })(value, path);
  return { ...actions[action]?.(value, path), action };
};

export const readTemplate = struct({
  apiVersion: oneOf('dragonfly.computer/v1'),
  kind: oneOf('Template'),
  metadata: struct({
    name: text,
    namespace: option(text),
    uid: option(uuid),
    resourceVersion: option(text),
    labels: defaulted(map(text)),
    annotations: defaulted(map(text)),
    creationTimestamp: option(time),
  }),
  spec: struct({
    version: option(text),
    timeout: option(u64),
    bootEnv: option(text),
    actions: list(readAction),
  }),
});
