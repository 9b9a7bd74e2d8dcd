/*
 * links.pml - the lock protocol beside those who make and remove links, for Spin.
 *
 * protocol.pml tells a lock by the number of its links, which holds where nobody
 * else makes any, and is searched with more processes and faults.  Here a lock is
 * told by its identity, as lib/ does, and links of others come and go (FOREIGN).
 *
 * A state is what the file server keeps of one LOCK, and where each process
 * is.  Each atomic is one request as the server carries it out, together with
 * the client's reaction to the answer, which nobody can see.  The sets below
 * have one bit for each claim.
 *
 * Where the steps are found:
 *
 *	P: start	claim.c, claim_publish
 *	   again	acquire.c, try_link, look, await, renew_own_lease
 *	   publish	breaker.c, steps 1 and 2: draft, publish, push_aside
 *	   revoke	breaker.c, steps 3, 4, 5: revoke_victim, prove, ...
 *	   cleanup	breaker.c, step 6: clean_up
 *	   linked	acquire.c, the rest of try_link, then settle
 *	   refresh	refresh.c, refresh_lease, nlock_refresh
 *	   confirm	... nlock_confirm, alone or within the former
 *	   giveup	acquire.c, give_up
 *	release()	release.c, nlock_release, take_down, end_lease;
 *			warrant.c, warrant_discard; claim.c, claim_withdraw
 *	   orphan	release.c, remove_orphaned_warrant
 *	Twin		a second nlock_release of some claim, at any time
 *	Sweeper		leftovers.c, remove_if_left, at any time and by anybody
 *	World		leases end, processes die, all but one crash; others
 *			remove LOCK
 *
 * What a client believes may be old.  A breaker's victim is any claim that
 * was the lock file and could be broken at some time since (seen), be it the
 * lock file now or not.  Where the code waits (the clock slop, a breaker's
 * grace, the pause before an orphaned warrant is removed, between polls) the
 * model may go on at once, so that safety rests on no waiting.
 *
 * A process that is never scheduled again has crashed.  One scheduled late
 * was paused, or its request was under way for long; so was the link of a
 * claim whose lease is over when it arrives.  A claim whose process is dead
 * (dead) can be broken at once; whoever acts on it may act still: the script
 * that a claim stands for can die before its nlock release is done.
 *
 * Lost replies (-DLOST) come to this.  A link that was done and reported as
 * failed has its maker look at LOCK.  Where the code reads success from
 * something else (the takedown of a release: the lock file in the warrant) a
 * reply has no effect, and none is modelled.
 * Elsewhere a request that was done and reported as failed ends what the code
 * was at (LOSE), which goes on to the next attempt or gives up with
 * everything left as it is.  One that was not done, and is reported so, is
 * the same as one not sent after the one before was reported as failed.
 *
 * Others make and remove further links to the files of claims at any time, but
 * none by the name of LOCK (-DFOREIGN).  So a count of links may be too high
 * whenever it is read, and no state is needed for that.  With -DANY the second
 * release may be of any claim, also of one that waits.
 *
 * Others remove LOCK by force, at any time but between the look at LOCK and
 * the rename of somebody's takedown (-DFORCE): a rename does not ask for an
 * inode, so in between it would move the next holder's lock file (-DANYTIME
 * has a violation).  What was taken away is checked no more (letgo); all
 * other claims are, as ever.  There a release goes by what LOCK is, in the
 * holder's own process, too: two links may be the claim and a copy of it
 * (-DTRUSTING has a violation).
 *
 * With -DREUSE a new claim may get the inode number of one that is gone, and
 * LOCK is compared by that number alone; the code compares the name in LOCK,
 * too.  A breaker whose victim's file is gone is told so by its descriptor.
 *
 * Checked, by assertions: a takedown removes the lock file that its maker
 * meant; nobody takes the lock, or takes it down, while somebody relies on a
 * lease; no two rely on theirs at once; who relies on a lease has the lock;
 * a sweeper removes no claim that somebody relies on.
 * With -DRECOVERY: in any state all processes but one may crash for good.
 * That one, whatever it was doing, must then come to hold the lock once the
 * leases of the others are over, in a bounded number of steps and without an
 * answer lost to it; a process that has not begun stands for a newcomer.
 * (One that has no claim left to make is not asked for more; hence the runs
 * with two rounds.)  The bound finds a loop, timeout finds a standstill.
 *
 * Left out, since it changes nothing that somebody else could see:
 *  - a waiter's own lease and its renewal, and the death of a waiter: nobody
 *    looks at a claim that was never the lock file (but queue.c, for when to
 *    try next, and leftovers.c), so that its lease may as well end right after
 *    the link (-DWAITING has it in full, and -DSWEEP who removes such claims);
 *  - the order in which processes make their first move: they are alike, so
 *    the first to move is the first by number;
 *  - what is known of a claim without any name left (tidy);
 *  - a breaker's draft, whose name is random.  One breaker of each process
 *    is enough: what an earlier one left is pushed aside first.
 *
 * Not proven: that a client's answers are as fresh as fresh.c and holder.c
 * take them to be; arithmetic on clocks (lease.c; a lease here is over or
 * not, for its holder and for everybody else at once); anything of
 * flufl.lock, of foreign lock files, of a server that carries out a request
 * twice, or long after its client gave up on it and went on, or says that it
 * has made a link that it has not, while there is a further one; permissions; a
 * lock file that a crash has emptied, whose claim goes after the takedown;
 * more processes and attempts than were run; that a lock is won by everybody
 * who waits.  A client that has a file open when it removes it keeps the name
 * ".nfs..." in a warrant for a while; here an unlinked file is gone.
 *
 * Two refreshes of one claim at once are out of it, too: -DSECOND adds one,
 * of another process, and has a violation.  It reads until when the holder
 * relies on the lease, the holder renews, and it then writes what it read.
 * No request sets a time only if it was not set meanwhile.  For this reason
 * nlock refresh within nlock run's command only confirms.
 *
 * One guard removed by each of these; Spin must find a violation:
 *	NOREVOKE	a breaker leaves the holder's warrant in place
 *	NOLEASE		... does not look at the lease again
 *	LOOKFIRST	... looks before it revokes
 *	NOPROOF		... does not look whose LOCK is
 *	EARLY		... looks whose it is before it revokes
 *	NOGUARD		breakers do not exclude each other
 *	BLIND		a takedown works without a warrant, like unlink(2)
 *	NOGATE		a release does not remove the claim first
 *	REMAKE		a second release makes the warrant anew
 *	NODATE		an acquirer does not date its link
 *	ASKFIRST	a refresh looks at the warrant before it renews
 *	NOASK		... does not look at it, if the reply has told the links
 *	ALIVE		a process is taken for dead that is not
 *	NOPUSH		nobody pushes a crashed breaker aside
 *	NOEMPTY		... if there is a lock file in its warrant
 *	KEEPS		a sweeper leaves the warrant in place
 *	NOLOOK		... does not look at the claim again
 * and these, by which two links stand for "LOCK is mine" (-DFOREIGN):
 *	LINKCOUNT	to an acquirer whose link has failed
 *	QUITCOUNT	to one that gives up
 *	RELEASECOUNT	to a later process's release (-DTWIN -DANY)
 *	BREAKCOUNT	... and one link for the victim's, to a breaker
 *	COUNT		all of these
 */
#ifndef NPROC
#define NPROC	3
#endif
#ifndef ROUNDS
#define ROUNDS	1		/* claims that each process may make */
#endif
#define NCLAIM	(NPROC * ROUNDS)
#if NPROC > 3 || NPROC * ROUNDS > 4
#error "the lists of claims and processes below are too short for that"
#endif

#define has(set, x)	((set >> (x)) & 1)
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
byte told;		/* its maker was told that it has the lock */
byte letgo;		/* a release of it has begun */
byte relies;		/* somebody relies on its lease, which still runs */

byte moved;		/* the process with the highest number that has */

byte alone;		/* the one process that did not crash, if any did */
bool taken;		/* it has got the lock */
byte fin;		/* processes that came to their end */
byte steps;		/* that the one has made */

#ifdef FORCE
byte aimed;		/* who has seen LOCK, and is about to take it down */
byte forced;		/* claims whose lock file was removed */
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
 * What the server may say of the number of links of a claim that is there.
 * With further links, which come and go at any time, it may be any number that
 * is no smaller than that of the links which the protocol has made.
 */
#define SHOWS_ONE(x)	(links(x) == 1)
#ifdef FOREIGN
#define SHOWS_TWO(x)	(links(x) <= 2)
#define SHOWS_MORE(x)	true
#else
#define SHOWS_TWO(x)	(links(x) == 2)
#define SHOWS_MORE(x)	false
#endif

/* Does LOCK look like this claim: by the inode, or by two links? */
#ifdef REUSE
#define SAME(x)		(lock_ != 0 && inode[lock_] == inode[x])
#else
#define SAME(x)		(lock_ == x)
#endif
#define COUNT_YES(x)	(has(claim_, x) && SHOWS_TWO(x))
#define COUNT_NO(x)	(!has(claim_, x) || SHOWS_ONE(x) || SHOWS_MORE(x))

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
#ifdef QUITCOUNT
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
#define RELEASE_YES(x)	SAME(x)
#define RELEASE_NO(x)	(!SAME(x))
#endif
#ifdef BREAKCOUNT		/* the claim was removed just before */
#define BREAK_YES(x)	(links(x) == 1 || links(x) == 0 && SHOWS_MORE(x))
#define BREAK_NO(x)	(links(x) != 1 || SHOWS_MORE(x))
#else
#define BREAK_YES(x)	SAME(x)
#define BREAK_NO(x)	(!SAME(x))
#endif

/*
 * Two links stand for "LOCK is mine" to who knows that it has won, unless LOCK
 * can be removed by force.
 */
#if defined(FORCE) && !defined(TRUSTING)
#define TRUSTS_TWO	false
#else
#define TRUSTS_TWO	true
#endif

#ifdef FORCE
#define AIM		add(aimed, _pid)
#define REST		del(aimed, _pid)
#define FORCED(x)	has(forced, x)
#ifdef ANYTIME
#define UNAIMED		true
#else
#define UNAIMED		(aimed == 0)
#endif
#else
#define AIM		skip
#define REST		skip
#define FORCED(x)	false
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

/* Of a claim without a name there is nothing left that could matter. */
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

/* Whoever has just been told that it has the lock relies on that. */
inline rely(c) {
	add(told, c);
	if
	:: has(letgo, c) || has(dead, c)
	:: else ->
		assert(lock_ == c);
		assert((relies & ~(1 << c)) == 0);
		add(relies, c)
	fi
}

inline take_down(target) {
	assert(lock_ == target);
	assert(!has(relies, lock_))
}

/*
 * knows: its maker has won the lock by this claim, so that two links will do.
 * lose: may its maker be told of a failure and go on?  If all that it did
 * then were to end, it may as well stop where it is.
 */
inline release(c, knows, lose) {
	atomic {
		del(relies, c);
		add(letgo, c);
		if
		:: !has(claim_, c) -> goto orphan
		:: has(claim_, c) && SHOWS_ONE(c) -> goto withdraw
		:: has(claim_, c) && SHOWS_TWO(c) && knows && TRUSTS_TWO ->
			AIM;
			goto gate
		:: has(claim_, c) && SHOWS_TWO(c) && !(knows && TRUSTS_TWO)
		:: has(claim_, c) && SHOWS_MORE(c)
		fi
	};
	atomic {
		if
		:: RELEASE_YES(c) -> AIM
		:: RELEASE_NO(c) -> goto withdraw
		fi
	};
gate:
#ifndef NOGATE
	atomic {
		if
		:: has(claim_, c) -> del(claim_, c); tidy(c)
		:: else -> REST; goto end_lease
		fi;
		if
		:: true
		:: lose -> REST; goto end_lease	/* reported as gone */
		:: lose -> REST; goto released
		fi
	};
#else
	skip;
#endif
	atomic {
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
		goto end_lease
	};
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
end_lease:
	atomic {		/* the lock file, if it is this claim's still */
		if
		:: lock_ == c -> add(over, c); add(seen, c)
		:: else
		fi;
		goto released
	};
withdraw:
	atomic {
		del(claim_, c);
		tidy(c);
		goto discard
	};
released:
	skip
}

/* Alone, a process sees LOCK as it is, since its link has just failed. */
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
		k < ROUNDS && (moved >= me - 1 || alone) ->
		c = (me - 1) * ROUNDS + k + 1;
		k++;
		NEW_INODE;
		add(warrant, c);
		add(claim_, c) }
	:: atomic {
		k == ROUNDS ->
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
		:: goto linked
		:: LOSE -> goto again
		fi }
	:: atomic {		/* the link is reported as failed: look */
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
	:: atomic { has(over, c) && has(claim_, c) -> del(over, c); goto again }
#endif
#if defined(SWEEP) || defined(ANY)
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
		:: LOSE -> v = 0; goto again
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
	atomic {		/* by descriptor: only ever its own */
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
	atomic {		/* by name, from here: it may be another's */
		bused = 0;
		tidy_all()
	};
	atomic {
		if
		:: bused == 0 -> breaker = 0
		:: else
		fi;
		goto again
	};

linked:	atomic {
		if
		:: !has(claim_, c) -> goto giveup
		:: has(claim_, c) && SHOWS_ONE(c) -> goto again
		:: has(claim_, c) && (SHOWS_TWO(c) || SHOWS_MORE(c))
		:: LOSE -> goto giveup
		fi
	};
settle:	atomic {
#ifndef NODATE
		if
		:: !has(warrant, c) -> goto giveup
		:: has(warrant, c) && has(over, c) -> goto refresh
		:: else
		fi;
#endif
		rely(c)
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
#ifndef ASKFIRST
		:: SHOWS_TWO(c) -> goto counted		/* says the reply */
		:: SHOWS_ONE(c) -> goto counted_lost
		:: SHOWS_MORE(c)
#endif
		fi
	};
#ifndef ASKFIRST
confirm:
	atomic {
		if
		:: !has(warrant, c) -> del(relies, c); goto let_go
		:: else
		fi
	};
#endif
#ifndef ASKFIRST
recount:
#endif
	atomic {
		if
		:: !has(claim_, c) || SHOWS_ONE(c) ->
			del(relies, c);
			goto let_go
		:: has(claim_, c) && SHOWS_TWO(c) && TRUSTS_TWO ->
			if
			:: has(over, c) -> add(told, c)
			:: else -> rely(c)
			fi;
#ifdef SECOND
			renewed = true;	/* it has read the lease's end, too */
#endif
			goto holding
		:: has(claim_, c) && SHOWS_TWO(c) && !TRUSTS_TWO
		:: has(claim_, c) && SHOWS_MORE(c)
		fi
	};
	atomic {
		if
		:: SAME(c) ->
			if
			:: has(over, c) -> add(told, c)
			:: else -> rely(c)
			fi;
			goto holding
		:: !SAME(c) -> del(relies, c); goto let_go
		fi
	};

#ifndef ASKFIRST
counted:	/* as long as the warrant is there, LOCK leaves only by it */
	atomic {
#ifndef NOASK
		if
		:: !has(warrant, c) -> del(relies, c); goto let_go
		:: has(warrant, c) && lock_ != c && !FORCED(c) -> goto recount
		:: else
		fi;
#endif
		if
		:: has(over, c) -> add(told, c)
		:: else -> rely(c)
		fi;
		goto holding
	};
counted_lost:			/* it asks for the warrant in vain */
	atomic { del(relies, c); goto let_go };
#endif

giveup:	atomic {
		if
		:: !has(claim_, c) || SHOWS_ONE(c) || LOSE -> goto withdraw
		:: has(claim_, c) && (SHOWS_TWO(c) || SHOWS_MORE(c))
		fi
	};
relink:	atomic {		/* this fails, and then LOCK is looked at afresh */
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
let_go:	release(c, true, LOSE && k < ROUNDS);
next:	atomic { c = 0; v = 0; goto start };
out:	skip
}

/* Do something with a claim that its maker has made known. */
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
	release(c, false, false);
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
		add(forced, lock_);
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
			/* renewed while it was being lost */
			add(over, lock_);
			add(seen, lock_)
		:: else ->
			assert(taken || has(fin, alone));
			break
		fi }
	od
#endif
}

/* P first: a process's number is its process id, see CRASHES. */
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
