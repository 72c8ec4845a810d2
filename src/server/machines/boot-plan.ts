// Plans a machine's boot from its record, its workflow and the operators' settings. Each loader's script is written
// from the plan, so that all say the same.
import type { Machine } from '../../model/machine.ts';
import type { Boot, BootOptions, BootScriptOptions } from '../../netboot/boot-parameters.ts';
import type { Store } from '../../store/store.ts';
import type { Auth } from '../access/auth.ts';
import type { BootDecision } from '../rules/decide.ts';
import { bootChoices } from './boot-settings.ts';
import { bootFor } from './decision.ts';
import { noteBoot, noteSentToDisk } from './local-boots.ts';
import type { ChangeServices } from './machines.ts';

/** "false" leaves `dragonfly.mode` out of boot scripts. */
const modeSetting = 'boot.mode_parameter';

const asAgent: BootDecision = { boots: 'agent', workflowId: null };

interface PlanServices extends ChangeServices {
  readonly auth: Pick<Auth, 'enrolsBoots' | 'boots'>;
  readonly boot: BootOptions;
}

/** The one who asks for a script. */
export interface BootAsker extends Pick<
  BootScriptOptions,
  'filesUrl' | 'agentUrl' | 'caSha256' | 'mac'
> {
  /** An agent whose secret lapsed asks for another; nothing boots. */
  readonly isAgent: boolean;
}

/** Plans the boot of the machine that asks, and notes it. Errors: AppError `store.*`. */
export async function planBoot(s: PlanServices, { isAgent, ...asker }: BootAsker): Promise<Boot> {
  const machine = await machineWithPort(s.store, asker.mac);
  const { boots, workflowId } = isAgent ? asAgent : await bootOf(s, machine);
  const choices = await bootChoices(s.store, machine);
  if (boots === 'disk') return { boots, localBoot: choices.localBoot, filesUrl: asker.filesUrl };
  const options: BootScriptOptions = {
    ...asker,
    workflowId: workflowId ?? undefined,
    token: s.auth.enrolsBoots ? await s.auth.boots.issue(asker.mac) : undefined,
    namesMode: (await s.store.settings.get(modeSetting))?.value.value !== 'false',
    now: s.clock.now(),
    giveUpSeconds: choices.giveUpSeconds,
    localBoot: choices.localBoot,
    append: [{ from: '--boot-append', text: s.boot.append ?? '' }, ...choices.append],
  };
  return { boots, options };
}

/** The machine that has a port with this MAC; undefined where none or several have. Errors: AppError `store.*`. */
export async function machineWithPort(store: Store, mac: string): Promise<Machine | undefined> {
  const primary = await store.machines.byMac(mac);
  if (primary !== undefined) return primary.value;
  const [sighting] = await store.machines.find([{ mac }], 2);
  const [id, another] = sighting?.machineIds ?? [];
  if (id === undefined || another !== undefined) return undefined;
  return (await store.machines.get(id))?.value;
}

/** Decides what a machine boots. An unknown machine, or one whose MAC several have, boots the agent, which
 *  finds out more. */
async function bootOf(s: PlanServices, found: Machine | undefined): Promise<BootDecision> {
  if (found === undefined) return asAgent;
  const machine = await noteBoot(s, found);
  const boot = await bootFor(s, machine);
  if (boot.boots === 'disk') await noteSentToDisk(s, machine, null);
  return boot;
}
