/** Sabotage of transactions. */
import { req } from '../../codes.js';
import { defineSabotages, onRequest, onSuccess, pretend, sends, withExt } from '../sabotage.js';
import { withSendProperties } from './send.js';

const commit = '8';
const rollback = '12';

export const transactionSabotages = defineSabotages('transaction', [
  {
    name: 'transaction.half-visible',
    does: 'Stores half messages like any other.',
    breaks: 'A half message is not delivered before its commit.',
    needs: ['transaction'],
    witnesses: ['transaction.prepare.not-visible', 'transaction.*half*', 'transaction.*'],
    hooks: () => onRequest(sends, (request) => {
      const out = withSendProperties(request, (properties) => delete properties['TRAN_MSG']);
      if (out === request) return undefined;
      const name = request.code === req.SEND_MESSAGE ? 'sysFlag' : 'f';
      return withExt(out, { [name]: Number(request.ext[name] ?? 0) & ~12 });
    }),
  },
  {
    name: 'transaction.rollback-delivered',
    does: 'Commits what is rolled back.',
    breaks: 'A rolled-back message is never delivered.',
    needs: ['transaction'],
    witnesses: ['transaction.rollback.never-visible', 'transaction.*rollback*', 'transaction.*rolled*', 'transaction.*'],
    hooks: () => onRequest(req.END_TRANSACTION, (request) => (request.ext['commitOrRollback'] === rollback ? withExt(request, { commitOrRollback: commit }) : undefined)),
  },
  {
    name: 'transaction.commit-lost',
    does: 'Acknowledges the end of a transaction and forgets it.',
    breaks: 'A committed message is delivered.',
    needs: ['transaction'],
    witnesses: ['transaction.commit.visible', 'transaction.*commit*', 'transaction.*'],
    hooks: () => pretend(req.END_TRANSACTION),
  },
  {
    name: 'transaction.id-lost',
    does: 'Answers a half message without its transaction id.',
    breaks: 'The answer to a half message has its transaction id.',
    needs: ['transaction'],
    witnesses: ['transaction.*id*', 'transaction.*', 'send.*'],
    hooks: () => onSuccess(sends, (answer) => ('transactionId' in answer.ext ? withExt(answer, { transactionId: undefined }) : undefined)),
  },
  {
    name: 'transaction.never-checked',
    does: 'Does not ask producers about half messages that nobody ended.',
    breaks: 'A producer of the group is asked about a half message that stays open.',
    needs: ['transaction'],
    witnesses: ['transaction.check.sent-to-producer', 'transaction.*check*', 'transaction.*'],
    hooks: () => ({ push: (request) => (request.code === req.CHECK_TRANSACTION_STATE ? 'drop' : undefined) }),
  },
]);
