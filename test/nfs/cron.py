# SPDX-License-Identifier: MIT
"""What cron(8) does, on one of the machines of periods.py, by its clock.

    cron.py SKEW_S PERIODS PERIOD_S LATE_S COMMAND...

At the beginning of each period of PERIOD_S it runs COMMAND, with {} in it
replaced by the period's number.  Prints the numbers of those periods that it
began, and ended COMMAND in, within LATE_S.

This machine's clock is ahead by SKEW_S.  So its periods begin at times of its
own, but are numbered as all machines would by the right time.
"""
import subprocess
import sys
import time


def main():
    skew_s, count, period_s, late_s = map(float, sys.argv[1:5])
    own = int(time.time() / period_s) + 1
    for own in range(own, own + int(count)):
        time.sleep(max(0, own * period_s - time.time()))
        number = int((own * period_s - skew_s) / period_s)
        subprocess.run([word.replace("{}", str(number))
                        for word in sys.argv[5:]], check=True)
        if time.time() - skew_s < number * period_s + late_s:
            print(number)


if __name__ == "__main__":
    main()
