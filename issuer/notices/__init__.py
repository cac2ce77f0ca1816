"""What is mailed to holders about their badges: claim links, whether a letter arrived, who asked for a new one."""
