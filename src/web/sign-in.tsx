// The form that asks for an operator's token.
import { useState } from 'preact/hooks';
import { useServices } from './context.ts';
import { useTask } from './parts/task.ts';

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { session } = useServices();
  const [token, setToken] = useState('');
  const { busy, problem, run } = useTask(
    session.hasToken ? 'This token is not valid, or no longer valid.' : undefined,
  );
  const signIn = async (): Promise<void> => {
    session.setToken(token.trim());
    try {
      await session.request('/api/machines?limit=1');
    } catch (err) {
      session.forgetToken();
      throw err;
    }
    onSignedIn();
  };

  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void run(signIn);
        }}
      >
        <h1>Dragonfly</h1>
        <p>
          This server needs an operator token. Its administrator creates one with{' '}
          <code>dragonfly-server token create</code>.
        </p>
        <label>
          Operator token
          <input
            type="password"
            name="token"
            autoComplete="off"
            autoFocus
            required
            value={token}
            aria-invalid={problem !== undefined}
            aria-describedby="sign-in-problem"
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <p id="sign-in-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={busy || token.trim() === ''}>
          Sign in
        </button>
        <p class="quiet">The token is kept in this tab only, and is forgotten when you close it.</p>
      </form>
    </main>
  );
}
