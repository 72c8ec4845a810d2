// The workflow actions that change this machine, as the agent runs them.
import type { Clock } from '../core/clock.ts';
import { AppError } from '../core/errors.ts';
import type { Disk } from '../model/hardware/disk.ts';
import type { PlannedDisk } from '../model/documents/planned-disk.ts';
import type { Root } from '../sources/root.ts';
import { hostOf } from '../sources/writing/host.ts';
import type {
  Action,
  ActionContext,
  ActionName,
  ActionReport,
  Bookmark,
  ChosenSystem,
  Progress,
} from './action.ts';
import { holdOneDisk } from './disk/held.ts';
import { chroot, whereOf } from './chroot.ts';
import { debootstrap } from './debootstrap.ts';
import type { Where } from './disk/system.ts';
import { efibootmgr } from './efibootmgr.ts';
import { checkFields } from './fields.ts';
import { image2disk } from './image2disk.ts';
import type { Ask } from './image/fetching/answer.ts';
import { jetpack } from './jetpack.ts';
import { kexec } from './kexec.ts';
import { partition } from './partition.ts';
import { reboot } from './reboot.ts';
import { seabios } from './seabios.ts';
import { addTools } from './tools/tools.ts';
import { writefile } from './writefile.ts';

export interface ActionServices {
  /** The host that is changed. */
  readonly root: Root;
  readonly clock: Clock;
  readonly random: () => number;
  readonly ask: Ask;
  /** The disks of the machine, as they are now; undefined when they could not be read. */
  readonly disks: () => Promise<readonly Disk[] | undefined>;
  /** The addresses of the servers, the preferred one first. */
  readonly servers: readonly string[];
  /** The disk that the server planned; an older server plans none. */
  readonly planned: PlannedDisk | undefined;
  /** This boot's. */
  readonly bootId?: string;
}

interface RunContext {
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  readonly note: (line: string) => void;
  readonly bookmark?: Bookmark | undefined;
  readonly setBookmark?: ((bookmark: Bookmark) => Promise<void>) | undefined;
}

type Runner = (
  fields: Readonly<Record<string, unknown>>,
  context: RunContext,
) => Promise<ActionReport>;

export interface WorkflowActions {
  /** By the name of the action. */
  readonly runners: Readonly<Record<string, Runner>>;
  /** Errors: AppError `action.invalid`. Nothing is changed. */
  readonly check: (action: {
    readonly action: string;
    readonly fields: Readonly<Record<string, unknown>>;
  }) => void;
  /** Lets go of the disk. */
  readonly close: () => Promise<void>;
}

/** The actions of one workflow, which are all about one disk. */
export function workflowActions(services: ActionServices): WorkflowActions {
  const host = hostOf(services.root, services.clock);
  const { close, ...disk } = holdOneDisk({ ...services, host });
  const system = oneSystem();
  const context = (run: RunContext): ActionContext => ({
    ...run,
    host,
    ...disk,
    ask: services.ask,
    random: services.random,
    server: services.servers[0],
    system,
  });
  const known: Readonly<Record<string, Prepared>> = {
    chroot: prepare('chroot', chroot),
    debootstrap: prepare('debootstrap', debootstrap),
    efibootmgr: prepare('efibootmgr', efibootmgr),
    image2disk: prepare('image2disk', image2disk),
    jetpack: prepare('jetpack', jetpack),
    kexec: prepare('kexec', kexec),
    partition: prepare('partition', partition),
    reboot: prepare('reboot', reboot),
    seabios: prepare('seabios', seabios),
    writefile: prepare('writefile', writefile),
  };
  const runner =
    (name: string, { run }: Prepared): Runner =>
    async (fields, given) => {
      const full = context(given);
      // A machine that is only rebooted is not kept waiting.
      if (name !== 'reboot') await addTools(services.servers, full);
      return await run(fields, full);
    };
  return {
    runners: Object.fromEntries(
      Object.entries(known).map(([name, action]) => [name, runner(name, action)]),
    ),
    check({ action, fields }) {
      known[action]?.check(fields);
      if (action === 'chroot') system.announce(fields);
    },
    close,
  };
}

type Given = Readonly<Record<string, unknown>>;

/** An action with its fields as they come from a template. */
interface Prepared {
  readonly check: (given: Given) => void;
  readonly run: (given: Given, context: ActionContext) => Promise<ActionReport>;
}

function prepare<Name extends ActionName>(name: Name, action: Action<Name>): Prepared {
  const typed = (given: Given) => {
    const fields = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
    checkFields(name, fields);
    return fields;
  };
  return {
    check(given) {
      const fields = typed(given);
      action.check?.(fields);
    },
    run: (given, context) => action.run(typed(given), context),
  };
}

/** The choice of the last chroot action. An agent that was restarted since then takes it from the
 *  template if only one is possible. */
function oneSystem(): ChosenSystem & { readonly announce: (fields: Given) => void } {
  const announced: Where[] = [];
  let chosen: { readonly where: Where } | undefined;
  return {
    announce(fields) {
      checkFields('chroot', fields);
      if (fields.teardown !== true) announced.push(whereOf(fields));
    },
    choose: (where = {}) => {
      chosen = { where };
    },
    where() {
      if (chosen !== undefined) return chosen.where;
      const [where = {}, another] = announced;
      if (another === undefined) return where;
      throw new AppError(
        'action.failed',
        'the template chooses several systems with chroot, and the agent was restarted since; run the workflow again',
      );
    },
  };
}
