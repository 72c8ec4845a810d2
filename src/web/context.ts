// The services that any part of the page may use: session, fleet, and the connection that keeps it live.
import { createContext } from 'preact';
import { useContext, useLayoutEffect, useState } from 'preact/hooks';
import { Fleet, type FleetView } from './live/fleet.ts';
import { Live, type LiveStatus } from './live/live.ts';
import type { Row } from './list/row.ts';
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
