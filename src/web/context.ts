// The services that any part of the page may use: session, fleet, and the connection that keeps it live.
import { createContext } from 'preact';
import { useContext, useEffect, useLayoutEffect, useState } from 'preact/hooks';
import type { Myself } from '../model/api/administration/tokens.ts';
import { readMyself } from './administration/requests.ts';
import { Fleet, type FleetView } from './live/fleet.ts';
import { Live, type LiveStatus } from './live/live.ts';
import type { Row } from './list/rows/row.ts';
import { Session } from './session.ts';

export interface Services {
  readonly session: Session;
  readonly fleet: Fleet;
  readonly live: Live;
}

export function createServices(): Services {
  const session = new Session();
  const fleet = new Fleet(() => Date.now() - session.clockAheadMs);
  return { session, fleet, live: new Live(session, fleet) };
}

const ServicesContext = createContext<Services | undefined>(undefined);
export const ServicesProvider = ServicesContext.Provider;

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new Error('there is no ServicesProvider above this component');
  return services;
}

interface Source {
  subscribe(listener: () => void): () => void;
}

/** A value that `source` changes, up to date. */
function useFollowed<T>(source: Source, read: () => T): T {
  const [value, setValue] = useState(read);
  useLayoutEffect(() => {
    const update = (): void => setValue(() => read());
    update();
    return source.subscribe(update);
  }, [source]);
  return value;
}

export function useFleet(): FleetView {
  const { fleet } = useServices();
  return useFollowed(fleet, () => fleet.view);
}

/** The list's row of one machine. */
export function useRow(id: string): Row | undefined {
  const { fleet } = useServices();
  return useFollowed(fleet, () => fleet.get(id));
}

export function useLive(): LiveStatus {
  const { live } = useServices();
  return useFollowed(live, () => live.status);
}

/** The things that the operator may do. */
export interface May {
  /** Change machines and their workflows. */
  readonly operate: boolean;
  /** Change what is not a machine's own: templates, tags, conflicts; add machines. */
  readonly operateAll: boolean;
  /** Change tokens and settings, and read the audit log. */
  readonly administer: boolean;
  /** The tags that it is limited to: it sees no other machines, no conflicts and no events. */
  readonly within: readonly string[] | undefined;
  /** Undefined if the server could not say. */
  readonly myself: Myself | undefined;
}

const MayContext = createContext<May>({
  operate: false,
  operateAll: false,
  administer: false,
  within: undefined,
  myself: undefined,
});
export const MayProvider = MayContext.Provider;

export const useMay = (): May => useContext(MayContext);

function mayOf(myself: Myself): May {
  const { scope, tags: within } = myself;
  const operate = scope !== 'read';
  return {
    operate,
    operateAll: operate && within === undefined,
    administer: scope === 'full' && within === undefined,
    within,
    myself,
  };
}

/** Asks the server who the operator is; undefined until it has said. If it cannot say, everything is offered, as
 *  the server refuses what is not allowed in any case. */
export function useAskedMay(): May | undefined {
  const { session } = useServices();
  const [may, setMay] = useState<May | undefined>();
  useEffect(() => {
    readMyself(session).then(
      (myself) => setMay(mayOf(myself)),
      () =>
        setMay({
          operate: true,
          operateAll: true,
          administer: true,
          within: undefined,
          myself: undefined,
        }),
    );
  }, [session]);
  return may;
}
