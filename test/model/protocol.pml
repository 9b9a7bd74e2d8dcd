/* SPDX-License-Identifier: MIT */
/*
 * protocol.pml - the lock protocol of lib/, for the model checker Spin.
 *
 * A state says what the file server keeps of one LOCK, and where each process
 * stands.  An atomic is one request as the server executes it, and what the
 * client concludes from the reply; nobody else can see that.  Each set below
 * has one bit for each claim.
 *
 * Where lib/ takes the steps:
 *
 *	P: start	claim.c, claim_publish
 *	   again	acquire.c, try_link, look, await
 *	   extended	acquire.c, renew_own_lease
 *	   publish	breaker.c, steps 1 and 2: draft, publish, push_aside
 *	   revoke	breaker.c, steps 3 to 5: revoke_victim, prove, ...
 *	   cleanup	breaker.c, step 6: clean_up
 *	   settle	acquire.c, check_link, settle
 *	   refresh	refresh.c, renew
 *	   confirm, look refresh.c, confirm: in a refresh or alone
 *	   giveup	acquire.c, give_up, has_won
 *	release()	release.c, is_ours, give_back, take_down, end_lease;
 *	   discard	warrant.c, warrant_discard; claim.c, claim_withdraw
 *	   orphan	release.c, remove_orphaned_warrant
 *	   finish	release.c, finish
 *	Twin		a second release of some claim, at any time:
 *			nlock_release or nlock_release_after
 *	Sweeper		sweep.c, remove_if_left, at any time
 *	World		leases end, processes die, all but one crash; others
 *			remove LOCK
 *
 * What a client believes may be old.  A breaker's victim is any claim that was
 * the lock file and has been breakable since (seen), whether or not the claim
 * is the lock file now.  Where the code waits (the clock slop, a breaker's
 * grace, the pause before a release removes an orphaned warrant, the pause
 * between two looks) the model may go on at once, so safety rests on no wait.
 *
 * A process that Spin never schedules again has crashed.  A process that Spin
 * schedules late was stopped, or its request was on the way for long; the link
 * of a claim whose lease is over may arrive like that.  A claim whose process
 * is dead (dead) can be broken at once.  Those who act on that claim may still
 * act: a script may die before the nlock release that it started.
 *
 * The number of links is not in the model.  lib/ counts the links of a claim
 * to save a look at LOCK: a claim with fewer than two is not the lock file.
 * The look decides, and in the model everybody looks.  Only has_won() links
 * once more if it counts two links, and so does giveup.  Other programs make
 * and remove links to the files of claims at any time, but never with the name
 * LOCK (-DFOREIGN).  So a count may be too high whenever a process reads it.
 * This takes no state.
 *
 * Lost replies (-DLOST).  If the server makes the link and the client sees an
 * error, the acquirer looks at LOCK.  It finds that it has won; or that look
 * fails, too, and it gives up, or goes on waiting (-DUNTOLD).  A release that
 * sees its takedown fail looks into the warrant, so there a lost reply changes
 * nothing, and the model has none.  Elsewhere a lost reply (LOSE) ends the
 * step: the code goes on to its next attempt, or gives up and leaves all as it
 * is.  If a request fails and was not executed, that is the same as if the
 * request before had failed, and this one had never been sent.
 *
 * With -DTWIN somebody releases a claim a second time, once its maker knows
 * that it has won; with -DANY at any time, so also the claim of a waiter.
 *
 * With -DFORCE others remove LOCK, at any time but between somebody's look at
 * LOCK and the rename of that takedown.  A rename does not ask for an inode, so
 * it would move the next holder's lock file (-DANYTIME shows that).  The claim
 * that lost its lock file is checked no more (letgo), all others are.
 *
 * With -DREUSE a new claim may get the inode number of a claim that is gone,
 * and this number is all by which a process knows LOCK.  Most of the code
 * compares the name in LOCK, too.  A breaker has its victim's file open, and
 * this descriptor tells it that the file is gone.
 *
 * Spin checks these assertions.  A takedown removes the lock file that its
 * process meant to remove.  Nobody takes the lock, or takes it down, while
 * somebody relies on its lease.  Two never rely on their leases at once.  Who
 * relies on a lease has the lock.  Who believes to have the lock had it once.
 * A sweeper removes no claim on which somebody relies.
 *
 * With -DRECOVERY all processes but one may crash for good, in any state.  The
 * one that is left, whatever it was doing, must then get the lock once the
 * leases of the others are over, in a bounded number of steps, and no reply to
 * it is lost.  If it has not begun, it stands for a newcomer.  (If it has no
 * claim left to make, nobody asks it for more; hence the searches with two
 * rounds.)  The bound finds a loop, and timeout finds a standstill.
 *
 * The model leaves these out, because nobody else could see a difference:
 *  - A waiter's own lease, its renewal, and a waiter's death.  Nobody looks at
 *    a claim that never was the lock file, except queue.c, which decides only
 *    when to try next, and sweep.c.  So the lease may as well end right after
 *    the link.  -DWAITING has all of that, and -DSWEEP has the sweeper.
 *  - The order of the first moves.  The processes are alike, so the first to
 *    move is the first by number.
 *  - What is known of a claim of which no name is left (tidy).
 *  - A breaker's draft, whose name is random.  One breaker for each process is
 *    enough, because a process pushes aside what its earlier one has left.
 *
 * The model does not prove:
 *  - that replies are as fresh as lib/os and holder.c take them to be;
 *  - arithmetic on clocks (lease.c): here a lease is over for everybody at
 *    once, for its holder, too;
 *  - anything about flufl.lock, foreign lock files, or permissions;
 *  - anything about a server that executes a request twice, or long after its
 *    client gave up and went on, or that reports a link which it has not made;
 *  - a lock file that a crash has emptied, whose claim the breaker removes only
 *    after the takedown;
 *  - more processes and attempts than the searches have;
 *  - that each waiter gets the lock in the end.
 * An NFS client that removes a file which it has open keeps the file under a
 * name like ".nfs..." in the warrant for a while; here the file is gone.
 *
 * Two refreshes of one claim at once are not safe.  -DSECOND adds a refresh by
 * another process, and Spin finds a violation.  That process reads the end of
 * the lease on which the holder relies, the holder renews, and the other
 * process then sets the end that it has read.  No request sets a time only if
 * nobody has set it meanwhile.  For this reason nlock refresh within the
 * command of nlock run only confirms.
 *
 * Each of these takes out one guard, and Spin must find a violation:
 *	NOREVOKE	A breaker leaves the holder's warrant in place.
 *	NOLEASE		A breaker does not look at the lease again.
 *	LOOKFIRST	A breaker looks at the lease before it revokes.
 *	NOPROOF		A breaker does not look whether LOCK is its victim's.
 *	EARLY		A breaker looks at LOCK before it revokes.
 *	NOGUARD		Breakers do not exclude each other.
 *	BLIND		A takedown works without a warrant, like unlink(2).
 *	NOGATE		A release does not remove the claim first.
 *	REMAKE		A second release makes the warrant anew.
 *	RETAKE		Who ends the release of a killed process takes LOCK
 *			down although that process may still do so.
 *	CLAIMFIRST	Who withdraws removes the claim before the warrant.
 *	NODATE		An acquirer does not date its warrant after the link.
 *	ASKFIRST	A refresh looks at the warrant before it renews.
 *	NOASK		A refresh does not look at the warrant if the reply to
 *			the renewal has told of two links.
 *	ALIVE		A process counts as dead although it lives.
 *	NOPUSH		Nobody pushes a crashed breaker aside.
 *	NOEMPTY		Nobody does if the breaker has taken a lock file down.
 *	KEEPS		A sweeper leaves the warrant in place.
 *	NOLOOK		A sweeper does not look at the claim again.
 * With these, somebody goes by the number of links instead of a look at LOCK:
 *	LINKCOUNT	an acquirer whose link has failed
 *	QUITCOUNT	who gives up, and the holder that then releases
 *	RELEASECOUNT	the second release (-DTWIN)
 *	BREAKCOUNT	a breaker; one link means that LOCK is its victim's
 *	COUNT		all of these
 *	TRUSTING	the holder, in a refresh and a release (-DFORCE)
 */
#ifndef NPROC
#define NPROC	3
#endif
#ifndef ROUNDS
#define ROUNDS	1		/* claims that each process may make */
#endif
#ifdef ONCE			/* all but the first process try once */
#define TRIES(me)	(me == 1 -> ROUNDS : 1)
#else
#define TRIES(me)	ROUNDS
#endif
#if NPROC > 3 || NPROC * ROUNDS > 4
#error "the lists of claims and processes below are too short for that"
#endif

#define has(set, x)	(((set) >> (x)) & 1)
#define add(set, x)	set = set | (1 << (x))
#define del(set, x)	set = set & ~(1 << (x))

/* On the file server.  Claims and processes count from 1; 0 is none. */
byte lock_;		/* the claim that LOCK is a link to */
byte claim_;		/* claim files */
byte warrant;		/* warrants of claims */
byte used;		/* ... with the lock file in them */
byte over;		/* claims whose lease is over */
byte breaker;		/* whose warrant lies in LOCK|breaker */
byte bused;		/* the claim whose lock file is in that one */

/* What is so, was so, or may be believed of claims. */
byte dead;		/* the process is certainly dead */
byte was;		/* was the lock file once */
byte seen;		/* ... and may have been seen over or dead since */
byte told;		/* its maker knows that it has the lock */
byte letgo;		/* a release of it has begun */
byte relies;		/* somebody relies on its lease, which still runs */

byte moved;		/* the process with the highest number that has */

byte alone;		/* the one process that did not crash, if any did */
bool taken;		/* it has got the lock */
byte fin;		/* processes that came to their end */
byte steps;		/* that the one has made */

#ifdef FORCE
byte aimed;		/* who has seen LOCK, and is about to take it down */
#endif
#ifdef REUSE
byte inode[5];		/* of each claim: its number, or an earlier one's */
#endif

#ifdef SECOND
bool renewed;		/* the holder renewed since the other one looked */
byte short_;		/* the lease ends before its holder believes so */
#endif

#define links(x)	(has(claim_, x) + has(used, x) + (lock_ == x) + \
			 (bused == x))
#define breakable(x)	(has(over, x) || has(dead, x))

/*
 * How many links may the server report for a claim that is there?  If others
 * make and remove links at any time, it may report any number that is no
 * smaller than the number of links that the protocol has made.
 */
#define SHOWS_ONE(x)	(links(x) == 1)
#ifdef FOREIGN
#define SHOWS_TWO(x)	(links(x) <= 2)
#define SHOWS_MORE(x)	true
#else
#define SHOWS_TWO(x)	(links(x) == 2)
#define SHOWS_MORE(x)	false
#endif

/* Does LOCK seem to be this claim: by the inode, or by two links? */
#ifdef REUSE
#define SAME(x)		(lock_ != 0 && inode[lock_] == inode[x])
#else
#define SAME(x)		(lock_ == x)
#endif
#define COUNT_YES(x)	(has(claim_, x) && SHOWS_TWO(x))
#define COUNT_NO(x)	(!has(claim_, x) || SHOWS_ONE(x) || SHOWS_MORE(x))

#ifdef TRUSTING
#define OURS(x)		COUNT_YES(x)
#else
#define OURS(x)		SAME(x)
#endif

#ifdef COUNT
#define LINKCOUNT
#define QUITCOUNT
#define RELEASECOUNT
#define BREAKCOUNT
#endif
#ifdef LINKCOUNT
#define LINK_YES(x)	COUNT_YES(x)
#else
#define LINK_YES(x)	SAME(x)
#endif
#if defined(QUITCOUNT) || defined(TRUSTING)
#define QUIT_YES(x)	COUNT_YES(x)
#define QUIT_NO(x)	COUNT_NO(x)
#else
#define QUIT_YES(x)	SAME(x)
#define QUIT_NO(x)	(!SAME(x))
#endif
#ifdef RELEASECOUNT
#define RELEASE_YES(x)	COUNT_YES(x)
#define RELEASE_NO(x)	COUNT_NO(x)
#else
#define RELEASE_YES(x)	(has(claim_, x) && SAME(x))
#define RELEASE_NO(x)	(!SAME(x))
#endif
#ifdef BREAKCOUNT		/* the breaker has just removed the claim */
#define BREAK_YES(x)	(links(x) == 1 || links(x) == 0 && SHOWS_MORE(x))
#define BREAK_NO(x)	(links(x) != 1 || SHOWS_MORE(x))
#else
#define BREAK_YES(x)	SAME(x)
#define BREAK_NO(x)	(!SAME(x))
#endif

#ifdef FORCE
#define AIM		add(aimed, _pid)
#define REST		del(aimed, _pid)
#ifdef ANYTIME
#define UNAIMED		true
#else
#define UNAIMED		(aimed == 0)
#endif
#else
#define AIM		skip
#define REST		skip
#endif

#ifdef REUSE
#define FREE_BY(i, x)	(inode[x] != i || links(x) == 0)
#define FREE(i)		(FREE_BY(i, 1) && FREE_BY(i, 2) && \
			 FREE_BY(i, 3) && FREE_BY(i, 4))
#define USED(i)		(inode[1] == i || inode[2] == i || \
			 inode[3] == i || inode[4] == i)
#define NEW_INODE \
	if \
	:: inode[c] = c \
	:: USED(1) && FREE(1) -> inode[c] = 1 \
	:: USED(2) && FREE(2) -> inode[c] = 2 \
	:: USED(3) && FREE(3) -> inode[c] = 3 \
	:: USED(4) && FREE(4) -> inode[c] = 4 \
	fi
#define STALE(x)	(links(x) == 0)
#else
#define NEW_INODE	skip
#define STALE(x)	false
#endif

#ifdef LOST
#define LOSE	(!alone)
#else
#define LOSE	false
#endif

#ifdef RECOVERY
#define CRASHES	provided (alone == 0 || alone == _pid)
#define STEP	steps = steps + (alone != 0); assert(steps < 20)
#else
#define CRASHES
#define STEP	skip
#endif

#if defined(BLIND)
#define GRANTED(right)	true
#define PUBLISHED(me)	true
#elif defined(NOGUARD)
#define GRANTED(right)	right
#define PUBLISHED(me)	true
#else
#define GRANTED(right)	right
#define PUBLISHED(me)	(breaker == me)
#endif

#define FIRST_MOVE	moved = (moved < me -> me : moved)

/* Nothing matters any more of a claim that has no name left. */
inline tidy(x) {
	if
	:: !has(warrant, x) && links(x) == 0 ->
		if
		:: has(was, x) ->
			add(over, x);
			add(seen, x);
			add(letgo, x)
		:: else ->
			del(over, x);
			del(letgo, x)
		fi;
		del(dead, x);
		del(told, x)
	:: else
	fi
}

inline tidy_all() {
	d_step {
		tidy(1);
		tidy(2);
#if NPROC * ROUNDS > 2
		tidy(3);
#endif
#if NPROC * ROUNDS > 3
		tidy(4);
#endif
	}
}

/* A process that has just learned that it has the lock relies on that. */
inline rely(c) {
	add(told, c);
	assert(has(was, c));
	if
	:: has(letgo, c) || has(dead, c)
	:: else ->
		assert(lock_ == c);
		assert((relies & ~(1 << c)) == 0);
		add(relies, c)
	fi
}

/* A refresh has found that LOCK is the claim. */
inline go_on(c) {
	if
	:: has(over, c) -> add(told, c)
	:: else -> rely(c)
	fi;
#ifdef SECOND
	renewed = true		/* it has read the end of the lease, too */
#endif
}

inline take_down(target) {
	assert(lock_ == target);
	assert(!has(relies, lock_))
}

/*
 * yes, no: what the process may conclude from its look at LOCK.
 * lose: a reply may be lost, and the process then goes on.  (If a lost reply
 * ends all that the process does, it may as well stop before that reply.)
 * after: this may be nlock_release_after().
 */
inline release(c, yes, no, lose, after) {
	atomic {
		del(relies, c);
		add(letgo, c);
		if
		:: yes -> AIM
		:: no && has(claim_, c) -> goto withdraw
		:: !yes && !has(claim_, c) -> goto orphan
		:: !yes && !has(claim_, c) && after -> goto finish
		fi
	};
gate:
#ifndef NOGATE
	atomic {
		if
		:: has(claim_, c) -> del(claim_, c); tidy(c)
		:: !has(claim_, c) -> REST; goto end_lease
		:: !has(claim_, c) && after -> REST; goto finish
		fi;
		if
		:: true
		:: lose -> REST; goto end_lease	/* it seems to be gone */
		:: lose -> REST; goto released
		fi
	};
#else
	skip;
#endif
rename:	atomic {
		if
		:: lock_ != 0 && GRANTED(has(warrant, c)) ->
			take_down(c);
			add(used, c);
			lock_ = 0
		:: else
		fi;
		REST
	};
discard:
	atomic {
		del(used, c);
		tidy(c);
		if
		:: true
		:: lose -> goto released
		fi
	};
	atomic {
		if
		:: !has(used, c) -> del(warrant, c); tidy(c)
		:: else
		fi;
		if
		:: has(claim_, c)		/* withdraws */
		:: !has(claim_, c) -> goto end_lease
		fi
	};
	atomic {
		del(claim_, c);
		tidy(c);
		if
		:: after -> goto end_lease
		:: goto released
		fi
	};
withdraw:
#ifdef CLAIMFIRST
	atomic { del(claim_, c); tidy(c) };
#endif
	goto discard;
orphan:	atomic {
#ifdef REMAKE
		add(warrant, c);
#else
		if
		:: !has(used, c) -> del(warrant, c); tidy(c)
		:: else
		fi;
#endif
		goto end_lease
	};
finish:	atomic {
		if
#ifdef RETAKE
		:: SAME(c) -> goto rename
#else
		:: SAME(c) -> goto end_lease
#endif
		:: !SAME(c) -> goto discard
		fi
	};
end_lease:
	atomic {		/* the lease of LOCK, if LOCK is still the claim */
		if
		:: lock_ == c -> add(over, c); add(seen, c)
		:: else
		fi
	};
released:
	skip
}

/* A process that is alone sees LOCK as it is: its link has just failed. */
#define VICTIM(x) \
	:: atomic { \
		lock_ != 0 && lock_ != c && c != x && has(seen, x) && \
		(!alone || lock_ == x && has(over, x)) -> \
		v = x; \
		FIRST_MOVE; \
		goto publish }

proctype P(byte me) CRASHES
{
	byte c;		/* its claim */
	byte v;		/* its victim */
	byte k;		/* claims that it has made */

start:
	if
	:: atomic {
		k < TRIES(me) && (moved >= me - 1 || alone) ->
		c = (me - 1) * ROUNDS + k + 1;
		k++;
		NEW_INODE;
		add(warrant, c);
		add(claim_, c) }
	:: atomic {
		k == TRIES(me) ->
		add(fin, me);
		c = 0;
		k = 0;
		goto out }
	fi;

again:
	if
	:: atomic {
		lock_ == 0 && has(claim_, c) ->
		FIRST_MOVE;
		assert(relies == 0);
		lock_ = c;
		add(was, c);
		if
		:: breakable(c) -> add(seen, c)
		:: else
		fi;
		STEP;
		if
		:: goto settle
#ifdef UNTOLD
		:: LOSE -> goto again
#endif
		fi }
	:: atomic {		/* the link has failed, but LOCK is the claim */
		LINK_YES(c) ->
		FIRST_MOVE;
		STEP;
		goto settle }
	:: atomic { !has(claim_, c) -> FIRST_MOVE; STEP; goto giveup }
	VICTIM(1)
	VICTIM(2)
#if NPROC * ROUNDS > 2
	VICTIM(3)
#endif
#if NPROC * ROUNDS > 3
	VICTIM(4)
#endif
#ifdef WAITING
	:: atomic { has(over, c) && has(claim_, c) -> del(over, c); goto extended }
#endif
#if defined(SWEEP) || defined(ANY) || defined(REUSE)
	:: atomic { !alone -> FIRST_MOVE; goto giveup }	/* timeout */
#else
	:: atomic {		/* timeout; nobody else knows the claim */
		!alone && has(claim_, c) && SHOWS_ONE(c) ->
		FIRST_MOVE;
		del(claim_, c);
		del(warrant, c);
		goto next }
	:: atomic {
		!alone && has(claim_, c) && (SHOWS_TWO(c) || SHOWS_MORE(c)) ->
		FIRST_MOVE;
		goto relink }
#endif
	fi;

#ifdef WAITING
extended:
	if
	:: atomic { has(warrant, c) -> goto again }
	:: atomic { !has(warrant, c) -> FIRST_MOVE; goto giveup }
	fi;
#endif

publish:
	if
#ifdef NOGUARD
	:: goto revoke
#endif
	:: atomic {
		breaker == 0 ->
		breaker = me;
		STEP;
		if
		:: goto revoke
		:: LOSE -> goto cleanup
		fi }
#ifndef NOPUSH
	:: atomic { breaker != 0 && bused == 0 ->
		breaker = 0;
		STEP;
		goto publish }
#ifndef NOEMPTY
	:: atomic { bused != 0 ->
		bused = 0;
		tidy_all();
		STEP;
		goto publish }
#endif
#endif
	:: atomic { breaker != 0 && !alone ->
		v = 0;
		goto again }
	fi;

revoke:
#ifdef LOOKFIRST
	if
	:: atomic { breakable(v) }
	:: atomic { !breakable(v) -> goto cleanup }
	fi;
#endif
#ifdef EARLY
	if
	:: atomic { BREAK_YES(v) }
	:: atomic { BREAK_NO(v) -> goto cleanup }
	fi;
#define NOPROOF
#endif
#ifndef NOREVOKE
	atomic {
		if
		:: has(warrant, v) && has(used, v) -> goto cleanup
		:: else -> del(warrant, v); tidy(v)
		fi;
		if
		:: true
		:: LOSE -> goto cleanup
		fi
	};
#endif
#if !defined(NOLEASE) && !defined(LOOKFIRST)
	if
	:: atomic { breakable(v) && !STALE(v) }
	:: atomic { !breakable(v) || STALE(v) -> goto cleanup }
	fi;
#endif
	atomic {
		del(claim_, v);
		tidy(v);
		if
		:: true
		:: LOSE -> goto cleanup
		fi
	};
#ifndef NOPROOF
	if
	:: atomic { BREAK_YES(v) -> AIM }
	:: atomic { BREAK_NO(v) -> goto cleanup }
	fi;
#endif
	atomic {
		if
		:: lock_ != 0 && PUBLISHED(me) ->
			take_down(v);
			if
			:: breaker == me -> bused = lock_
			:: else
			fi;
			lock_ = 0;
			tidy_all()
		:: else
		fi;
		REST
	};
cleanup:
	atomic {
		v = 0;
		if
		:: breaker == me -> bused = 0; tidy_all()
		:: else
		fi;
		if
		:: true
		:: LOSE -> goto again
		fi
	};
	atomic {
		if
		:: breaker == me -> breaker = 0
		:: else
		fi;
		goto again
	};

settle:	atomic {
		if
#ifdef NODATE
		:: rely(c)
#else
		:: has(warrant, c) && has(over, c) -> goto refresh
		:: has(warrant, c) && !has(over, c) -> rely(c)
		:: !has(warrant, c) -> goto let_go
#endif
		:: LOSE -> goto giveup
		:: has(claim_, c) && SHOWS_ONE(c) -> goto again
		fi
	};

holding:
	if
	:: atomic { alone -> taken = true; goto out }
	:: !alone -> goto refresh
#ifndef ASKFIRST
	:: !alone -> goto confirm
#endif
	:: !alone -> goto let_go
	:: atomic { !alone -> del(relies, c); goto next }  /* forgets it */
	fi;

refresh:
#ifdef ASKFIRST
	atomic {
		if
		:: !has(warrant, c) -> del(relies, c); goto let_go
		:: else
		fi
	};
#endif
	atomic {
		if
		:: has(claim_, c) ->
			del(over, c);
#ifdef SECOND
			del(short_, c)
#endif
		:: else -> del(relies, c); goto let_go
		fi;
		if
		:: true
		:: LOSE && has(told, c) -> goto holding
		:: LOSE && !has(told, c) -> goto let_go
#ifdef NOASK
		:: SHOWS_TWO(c) || SHOWS_MORE(c) -> goto look
#endif
		fi
	};
#ifndef ASKFIRST
confirm:
	atomic {
		if
		:: !has(warrant, c) -> del(relies, c); goto let_go
		:: has(warrant, c)
		fi
	};
#endif
look:	atomic {
		if
		:: OURS(c) -> go_on(c); goto holding
		:: !OURS(c) || !has(claim_, c) -> del(relies, c); goto let_go
		fi
	};

giveup:	atomic {
		if
		:: !has(claim_, c) || SHOWS_ONE(c) || LOSE -> goto withdraw
		:: has(claim_, c) && (SHOWS_TWO(c) || SHOWS_MORE(c))
		fi
	};
relink:	atomic {		/* link once more; if that fails, look at LOCK */
		if
		:: lock_ == 0 && has(claim_, c) ->
			assert(relies == 0);
			lock_ = c;
			add(was, c);
			if
			:: breakable(c) -> add(seen, c)
			:: else
			fi;
			if
			:: true
			:: LOSE -> goto relink
			fi
		:: QUIT_YES(c)
		:: QUIT_NO(c) || LOSE -> goto withdraw
		fi
	};
let_go:	release(c, QUIT_YES(c), QUIT_NO(c), LOSE && k < TRIES(me), false);
next:	atomic { c = 0; v = 0; goto start };
out:	skip
}

/* A later process releases a claim that it knows of. */
#ifdef ANY
#define KNOWN(x)	:: atomic { has(told | claim_, x) -> c = x }
#else
#define KNOWN(x)	:: atomic { has(told, x) -> c = x }
#endif

proctype Twin() CRASHES
{
	byte c;

end:	if
	KNOWN(1)
	KNOWN(2)
#if NPROC * ROUNDS > 2
	KNOWN(3)
#endif
#if NPROC * ROUNDS > 3
	KNOWN(4)
#endif
	fi;
	release(c, RELEASE_YES(c), RELEASE_NO(c), false, true);
	c = 0
}

#ifdef SWEEP
/* A waiter's claim, its lease over or its process dead. */
#define LEFT(x)		(has(claim_, x) && !SAME(x) && breakable(x))
#define SWEEP_UP(x)	:: atomic { LEFT(x) -> c = x }

proctype Sweeper() CRASHES
{
	byte c;

end:	if
	SWEEP_UP(1)
	SWEEP_UP(2)
#if NPROC * ROUNDS > 2
	SWEEP_UP(3)
#endif
#if NPROC * ROUNDS > 3
	SWEEP_UP(4)
#endif
	fi;
#ifndef KEEPS
	atomic {
		if
		:: has(warrant, c) && has(used, c) -> goto swept
		:: else -> del(warrant, c); tidy(c)
		fi;
		if
		:: true
		:: LOSE -> goto swept
		fi
	};
#endif
#ifndef NOLOOK
	if
	:: atomic { LEFT(c) }
	:: atomic { !LEFT(c) -> goto swept }
	fi;
#endif
	atomic {
		assert(!has(relies, c));
		del(claim_, c);
		tidy(c)
	};
swept:	c = 0
}
#endif

#ifdef SECOND
/* nlock refresh of a claim that its maker refreshes, too, once. */
proctype Second()
{
	byte c;

end:	if
	:: atomic { has(told, 1) && !has(over, 1) -> c = 1; renewed = false }
	:: atomic { has(told, 2) && !has(over, 2) -> c = 2; renewed = false }
	fi;
	atomic {
		if
		:: has(claim_, c) && renewed -> add(short_, c)
		:: else
		fi
	}
}
#define BELIEVED(x)	has(short_, x)
#else
#define BELIEVED(x)	false
#endif

#if defined(WAITING) || defined(SWEEP)
#define LOOKED_AT(x)	has(was | claim_, x)
#else
#define LOOKED_AT(x)	has(was, x)
#endif

inline see(x) {
	if
	:: has(was, x) -> add(seen, x)
	:: else
	fi
}

#define EXPIRES(x) \
	:: atomic { \
		!alone && LOOKED_AT(x) && !has(over, x) -> \
		add(over, x); \
		if \
		:: BELIEVED(x) \
		:: else -> del(relies, x) \
		fi; \
		see(x) }

#ifdef ALIVE
#define BURY(x)		skip
#else
#define BURY(x)		del(relies, x)
#endif
#define DIES(x) \
	:: atomic { \
		!alone && LOOKED_AT(x) && !has(dead, x) && \
		(has(warrant, x) || links(x) > 0) -> \
		add(dead, x); \
		BURY(x); \
		see(x) }

#define SURVIVES(x) \
	:: atomic { \
		!alone && !has(fin, x) -> \
		alone = x; \
		over = over | was | claim_; \
		seen = was; \
		relies = 0; \
		goto crashed }

proctype World()
{
end:	do
	EXPIRES(1)
	EXPIRES(2)
#if NPROC * ROUNDS > 2
	EXPIRES(3)
#endif
#if NPROC * ROUNDS > 3
	EXPIRES(4)
#endif
#ifdef FORCE
	:: atomic {
		lock_ != 0 && UNAIMED && !alone ->
		add(letgo, lock_);
		del(relies, lock_);
		lock_ = 0;
		tidy_all() }
#endif
#ifdef DEATH
	DIES(1)
	DIES(2)
#if NPROC * ROUNDS > 2
	DIES(3)
#endif
#if NPROC * ROUNDS > 3
	DIES(4)
#endif
#endif
#ifdef RECOVERY
	SURVIVES(1)
	SURVIVES(2)
#if NPROC > 2
	SURVIVES(3)
#endif
#endif
	od;
#ifdef RECOVERY
crashed:
	do
	:: atomic {
		timeout ->
		if
		:: !taken && lock_ != 0 && !has(over, lock_) ->
			/* its holder has renewed the lease it was losing */
			add(over, lock_);
			add(seen, lock_)
		:: else ->
			assert(taken || has(fin, alone));
			break
		fi }
	od
#endif
}

/* Start P first, so that its number is its process id; see CRASHES. */
init {
	atomic {
		run P(1);
		run P(2);
#if NPROC > 2
		run P(3);
#endif
		run World();
#ifdef SECOND
		run Second();
#endif
#ifdef TWIN
		run Twin();
#endif
#ifdef SWEEP
		run Sweeper();
#endif
	}
}
